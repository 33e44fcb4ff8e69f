"""A changed client sends any data with a button: ids of others, numbers of nowhere, nonsense."""

from itertools import count
from uuid import uuid4

import pytest
from aiogram.types import Update
from sqlmodel import select

from bot.dispatcher import make_dispatcher
from bot.keyboards import (
    ChannelButton,
    ChannelsPage,
    ErasureButton,
    LanguageButton,
    SearchPage,
    SessionButton,
)
from bot.telegram import Contact, open_bot
from tests.followed import account, follow, found
from tests.people import member, tenant
from tests.servers import all_tenants
from tg_assistant.models import (
    Account,
    AccountTask,
    Channel,
    ChannelAccess,
    Membership,
    Subscription,
    User,
)
from tg_assistant.texts import text

NUMBERS = count(1)
KEPT = (Account, AccountTask, Channel, ChannelAccess, Membership, Subscription)
NOT_FOUND = text("errors.channels.not_found", "en")
OLD = text("bot.old_button", "en")


@pytest.fixture(scope="module")
async def others(rt, telegram):
    """Anna's group has a channel and an account; Max is an admin of another group, which has neither."""
    async with rt.db.transaction() as db:
        anna = await member(db, await tenant(db), telegram.phone("anna").person.id)
        linked = await account(db, anna)
        channel = await follow(db, anna, found())
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), telegram.phone("max").person.id)
    return {"channel": channel.id, "account": linked.id}


@pytest.fixture(scope="module")
async def fed(rt, telegram):
    """fed(data): the update of a pressed button through the dispatcher, as Max's."""
    dispatcher = make_dispatcher(rt)
    person = telegram.phone("max").person
    who = {"id": person.id, "is_bot": False, "first_name": "M", "language_code": "en"}
    chat = {"id": person.id, "type": "private"}
    async with open_bot(rt.settings, Contact()) as bot:

        async def feed(data):
            message = {"message_id": 10**6, "date": 1, "chat": chat, "text": "words\nof a list"}
            pressed = {"id": "7", "from": who, "chat_instance": "1", "data": data, "message": message}
            raw = {"update_id": next(NUMBERS), "callback_query": pressed}
            await dispatcher.feed_update(bot, Update.model_validate(raw, context={"bot": bot}))

        yield feed


async def everything(rt):
    """All rows that a button could change."""
    async with all_tenants(rt) as db:
        return [sorted(repr(row.model_dump()) for row in await db.exec(select(kind))) for kind in KEPT]


def foreign(kind, action):
    return lambda ids: kind(action=action, id=ids["channel" if kind is ChannelButton else "account"]).pack()


CASES = {
    **{f"channel {each}": (foreign(ChannelButton, each), NOT_FOUND) for each in ("show", "pause", "resume")},
    "channel ask_remove": (foreign(ChannelButton, "ask_remove"), NOT_FOUND),
    "channel unknown action": (foreign(ChannelButton, "steal"), NOT_FOUND),
    # as for one removed meanwhile: that it exists elsewhere is not told
    "channel remove": (foreign(ChannelButton, "remove"), text("bot.channels.none", "en")),
    "session ask": (foreign(SessionButton, "ask"), text("bot.sessions.confirm", "en")),
    "session log_out": (foreign(SessionButton, "log_out"), text("bot.sessions.done", "en")),
    "session keep": (foreign(SessionButton, "keep"), text("bot.sessions.none", "en")),
    "session unknown action": (foreign(SessionButton, "steal"), OLD),
    "page before the first": (lambda _: ChannelsPage(page=-9).pack(), text("bot.channels.none", "en")),
    "page of nowhere": (lambda _: ChannelsPage(page=10**30).pack(), text("bot.channels.none", "en")),
    "search before the first": (lambda _: SearchPage(offset=-1).pack(), ""),
    "search of nowhere": (lambda _: SearchPage(offset=10**30).pack(), ""),
    "language": (lambda _: LanguageButton(code="xx").pack(), OLD),
    "erasure": (lambda _: ErasureButton(step=9).pack(), OLD),
    "no id": (lambda _: "ch:show:1", OLD),
    "no number": (lambda _: "chs:' OR 1=1", OLD),
    "nobody's": (lambda _: "x:y:z", OLD),
    "empty": (lambda _: "", OLD),
    "nul": (lambda _: "ch:\0:\ufffd", OLD),
}


@pytest.mark.parametrize("case", CASES)
async def test_it_changes_nothing_and_is_answered_once(rt, others, fed, chat, telegram, case):
    """No row differs afterwards; one sentence comes, which names nothing of the other group."""
    data, answer = CASES[case]
    before, mark = await everything(rt), chat("max").sends("/help").id
    telegram.world.bot.confirm_below(2**62)
    await fed(data(others))
    heard = chat("max").heard(after=mark)
    assert len(heard) == 1 and heard[0] and plain(answer) in heard[0], heard
    assert "News" not in heard[0] and await everything(rt) == before


async def test_an_id_of_nobody_is_told_the_same(others, fed, chat):
    """Whether an id exists elsewhere cannot be learned from the answer."""
    for kind, actions in ((ChannelButton, ("show", "remove")), (SessionButton, ("log_out",))):
        for action in actions:
            said = []
            for data in (foreign(kind, action)(others), kind(action=action, id=uuid4()).pack()):
                mark = chat("max").sends("/help").id
                await fed(data)
                said.append(chat("max").heard(after=mark))
            assert said[0] == said[1]


async def test_nobody_elses_language_is_touched(rt, others, fed, telegram):
    """The one button without an id acts on who pressed it."""
    await fed(LanguageButton(code="en").pack())
    async with rt.db.transaction() as db:
        query = select(User).where(User.telegram_id == telegram.phone("anna").person.id)
        assert not (await db.exec(query)).one().language_chosen


def plain(answer):
    """The first words of a text, before any mark-up."""
    return answer.partition("<")[0][:25]
