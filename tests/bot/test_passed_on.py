"""Commands nobody gave: forwarded, by another bot, in a chat's name, edited, in channels and groups."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from aiogram import Dispatcher, Router
from aiogram.filters import Command
from aiogram.types import Update

from bot.bot_profile import COMMANDS
from bot.dispatcher import make_dispatcher
from bot.telegram import Contact, open_bot
from sandbox.bot_api import inbox as bot_chats
from tests.corpus import a_reader, a_tenant
from tests.followed import account, found, listed
from tg_assistant.core.messaging import inbox
from tg_assistant.texts import text

UPDATES, MESSAGES = count(10**6), count(10**7)
ANNA, STRANGER, CHANNEL, GROUP = 9_100_001, 9_100_002, -1_000_000_000_777, -1_000_000_000_778
WHO = {"id": ANNA, "is_bot": False, "first_name": "Anna", "language_code": "en"}
OTHER_BOT = {"id": 9_100_003, "is_bot": True, "first_name": "Other", "username": "other_bot"}
OWN = {"id": ANNA, "type": "private"}
OF_CHANNEL = {"id": CHANNEL, "type": "channel", "title": "News", "username": "news"}
ORIGINS = {
    "user": {"sender_user": {**WHO, "id": STRANGER}},
    "hidden_user": {"sender_user_name": "Zoe"},
    "chat": {"sender_chat": {"id": GROUP, "type": "supergroup", "title": "Talk"}},
    "channel": {"chat": OF_CHANNEL, "message_id": 7},
}
# how a message in Anna's own chat says that its words are not hers
SIGNS: dict[str, dict[str, Any]] = {
    **{
        f"forwarded_{kind}": {"forward_origin": {"type": kind, "date": 1, **of}}
        for kind, of in ORIGINS.items()
    },
    "forwarded_by_an_old_server": {"forward_date": 1, "forward_from": {**WHO, "id": STRANGER}},
    "via_bot": {"via_bot": OTHER_BOT},
    "sender_chat": {"sender_chat": OF_CHANNEL},
    "sender_business_bot": {"sender_business_bot": OTHER_BOT},
    "by_a_bot": {"from": OTHER_BOT},
    "by_nobody": {"from": None},
    **{
        f"in_a_{kind}": {"chat": {"id": GROUP, "type": kind, "title": "Talk"}}
        for kind in ("group", "supergroup", "channel")
    },
    "in_a_group_forwarded": {
        "chat": {"id": GROUP, "type": "group", "title": "Talk"},
        "forward_origin": {"type": "channel", "date": 1, **ORIGINS["channel"]},
    },
}
KINDS = (
    *("edited_message", "channel_post", "edited_channel_post"),
    *("business_message", "edited_business_message", "guest_message"),
)


def routers(router: Router) -> Iterator[Router]:
    yield router
    for each in router.sub_routers:
        yield from routers(each)


def commands(dispatcher: Dispatcher) -> set[str]:
    """Every command some handler is registered for."""
    return {
        str(command)
        for router in routers(dispatcher)
        for handler in router.message.handlers
        for filter_ in handler.filters or ()
        if isinstance(filter_.callback, Command)
        for command in filter_.callback.commands
    }


@pytest.fixture(scope="module")
async def fed(rt: Any) -> Any:
    """fed(kind, body): the names of the handlers that would take it; none of them is run."""
    taken: list[str] = []

    async def note(_: Any, __: Any, data: dict[str, Any]) -> None:
        taken.append(data["handler"].callback.__name__)

    dispatcher = make_dispatcher(rt)
    for router in routers(dispatcher):
        for observer in (router.message, router.callback_query, router.error):
            observer.middleware(note)
    async with open_bot(rt.settings, Contact()) as bot:

        async def feed(kind: str, body: dict[str, Any]) -> list[str]:
            taken.clear()
            raw = {
                "update_id": next(UPDATES),
                kind: {name: of for name, of in body.items() if of is not None},
            }
            await dispatcher.feed_update(bot, Update.model_validate(raw, context={"bot": bot}))
            return list(taken)

        feed.dispatcher = dispatcher
        yield feed


def message(words: str, **facts: Any) -> dict[str, Any]:
    return {"message_id": next(MESSAGES), "date": 1, "chat": OWN, "from": WHO, "text": words, **facts}


def said(dispatcher: Dispatcher) -> list[str]:
    """Each command, with and without something behind it, questions, codes and links."""
    names = sorted(commands(dispatcher))
    assert set(names) == {*COMMANDS, "start", "admin"}
    plain = ["What is new?", "12345", "ABCDEFGHJKLM", "inv_ABCDEFGHJKLM", "@durov", "https://t.me/durov/1"]
    return [f"/{name}{more}" for name in names for more in ("", " x", "\n/cancel")] + plain


async def test_the_same_words_written_by_the_person(fed: Any) -> None:
    """The control: each command is taken by its own handler, and no two of them by the same fallback."""
    taken = {words: await fed("message", message(words)) for words in said(fed.dispatcher)}
    assert all(len(names) == 1 for names in taken.values()), taken
    assert not {"_unknown", "_forwarded", "_not_theirs", "_overheard", "_called"} & {
        n for [n] in taken.values()
    }


@pytest.mark.parametrize("sign", SIGNS)
async def test_words_that_are_not_the_persons(fed: Any, sign: str) -> None:
    """A forward is a forward and nothing else, whatever it says; the rest is no command, question or code."""
    for words in said(fed.dispatcher):
        allowed = {"_overheard"}
        if sign.startswith("forwarded_"):
            allowed = {"_not_theirs" if sign == "forwarded_by_an_old_server" else "_forwarded"}
        elif sign in ("via_bot", "sender_chat", "sender_business_bot"):
            allowed = {"_not_theirs"}
        elif sign.startswith("in_a_") and "forwarded" not in sign and words.startswith("/"):
            allowed = {"_called"}  # one sentence: it works in private
        assert set(await fed("message", message(words, **SIGNS[sign]))) == allowed, words


@pytest.mark.parametrize("kind", KINDS)
async def test_other_kinds_of_updates(fed: Any, kind: str) -> None:
    """An edit changes nothing that was done, a channel's post is nobody's wish: no handler takes them."""
    for words in said(fed.dispatcher):
        for facts in ({}, *SIGNS.values()):
            assert await fed(kind, message(words, **facts)) == [], words


@pytest.mark.parametrize("sign", [each for each in SIGNS if each.startswith(("in_a_", "by_"))])
async def test_buttons_elsewhere(fed: Any, sign: str) -> None:
    """A button under a message in a group, or pressed by nobody we know, does nothing."""
    for data in ("delete:3", "delete:2", "language:ru", "x", ""):
        under = message("words", **SIGNS[sign])
        pressed = {"id": "7", "from": under["from"] or OTHER_BOT, "chat_instance": "1", "data": data}
        under = {name: of for name, of in under.items() if of is not None}
        if sign == "by_nobody":
            continue  # a pressed button always has somebody who pressed it
        if sign == "by_a_bot":
            pressed["from"] = OTHER_BOT
        assert await fed("callback_query", {**pressed, "message": under}) == ["_pressed_elsewhere"], data


async def test_only_the_persons_own_cancel_is_quick(rt: Any) -> None:
    """A forwarded /cancel waits its turn like any other forward; it overtakes nothing."""
    rows = {
        sign: {"update_id": next(UPDATES), "message": message("/cancel", **{**facts, "chat": {"id": n}})}
        for n, (sign, facts) in enumerate({"own": {}, **SIGNS}.items(), 1)
        if sign not in ("by_a_bot", "by_nobody") and not sign.startswith("in_a_")
    }
    async with rt.db.transaction() as db:
        await inbox.save(db, list(rows.values()))
        lanes = {head.update_id: head.lane for head in await inbox.heads(db, busy=(), most=1000)}
        quick = {sign for sign, row in rows.items() if lanes[row["update_id"]].endswith(" quick")}
        await db.rollback()
    assert quick == {"own"}


async def test_a_forwarded_command_adds_its_channel(rt: Any, telegram: Any, chat: Any, bot: Any) -> None:
    """A channel's post that says "/delete_me" is that channel's post: it is added, nothing else."""
    person = telegram.phone("anna").person
    where = await a_tenant(rt)
    actor = await a_reader(rt, where, person.id)
    async with rt.db.transaction(where.id) as db:
        linked = await account(db, actor)
        linked.dialogs_at = rt.clock.now()
    for number, words in enumerate(("/delete_me", "/cancel", "/sessions"), 821):
        channel = telegram.channels.create(f"Orders {number}", private=True, members=[person.id], id=number)
        async with rt.db.transaction(where.id) as db:
            await listed(
                db, linked, found(telegram_id=number, title=channel.title, username=None, private=True)
            )
        post = telegram.channels.publish(channel, words)
        sent = bot_chats.forward(telegram.world, person, channel.id, post.id)
        telegram.world.commit()
        added = text("bot.add.done", "ru", title=channel.title).replace("<b>", "").replace("</b>", "")
        assert (await chat("anna").hears(sent.id)).text == added, words
