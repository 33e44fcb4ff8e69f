"""Adding a channel in the chat: by name, by link, by forwarding a post, and what is no channel."""

import pytest
from sqlmodel import select

from sandbox.bot_api import inbox
from tests.corpus import a_reader, a_tenant
from tg_assistant.core.accounts import tasks
from tg_assistant.errors import NotFound
from tg_assistant.models import Account, AccountTask, Dialog, Subscription
from tg_assistant.texts import text

pytestmark = pytest.mark.usefixtures("bot")
LISTED = {801: ("harbour", False), 802: ("pier_club", False), 803: (None, True)} | {
    number: (f"berth_{number}", False) for number in range(804, 810)
}


@pytest.fixture(scope="module")
async def anna(rt, telegram):
    """Anna has an account whose list of channels is known."""
    where = await a_tenant(rt)
    actor = await a_reader(rt, where, telegram.phone("anna").person.id)
    async with rt.db.transaction(where.id) as db:
        account = Account(
            tenant_id=where.id,
            user_id=actor.user_id,
            telegram_id=actor.telegram_id,
            dialogs_at=rt.clock.now(),
        )
        db.add(account)
        await db.flush()
        for number, (username, private) in LISTED.items():
            db.add(
                Dialog(
                    account_id=account.id,
                    telegram_id=number,
                    tenant_id=where.id,
                    access_hash=1,
                    title=f"Title {number}",
                    username=username,
                    private=private,
                )
            )
    return actor


async def follows(rt, anna):
    async with rt.db.transaction(anna.tenant_id) as db:
        return len((await db.exec(select(Subscription).where(Subscription.user_id == anna.user_id))).all())


@pytest.mark.parametrize(("words", "title"), [("/add @Harbour", "801"), ("t.me/pier_club/5", "802")])
async def test_by_name_and_link(rt, anna, chat, words, title):
    """A channel of the account's own list is followed at once; the second time that is said."""
    before = await follows(rt, anna)
    added = await chat("anna").says(words)
    assert f"Title {title}" in added.text and await follows(rt, anna) == before + 1
    again = await chat("anna").says(words)
    assert again.text == text("errors.channels.already_followed", "ru", channel=f"Title {title}")


async def test_a_forwarded_post_adds_its_channel(rt, anna, telegram, chat):
    """Also a private one, which has no name: its id is enough when the account is subscribed."""
    person = telegram.phone("anna").person
    channel = telegram.channels.create("Secret", private=True, members=[person.id], id=803)
    post = telegram.channels.publish(channel, "Only for us")
    sent = inbox.forward(telegram.world, person, channel.id, post.id)
    telegram.world.commit()
    assert "Title 803" in (await chat("anna").hears(sent.id)).text


async def test_a_forwarded_album_is_one_reply(rt, anna, telegram, chat):
    """Each photo of it is an update of its own; the channel is added once, and that is said once."""
    person = telegram.phone("anna").person
    channel = telegram.channels.create("Berth", username="berth_804", members=[person.id], id=804)
    words = ("", "Three photos", "")
    parts = [telegram.channels.publish(channel, each, album="a", photo=True) for each in words]
    sent = inbox.forward(telegram.world, person, channel.id, parts[1].id)
    telegram.world.commit()
    assert "Title 804" in (await chat("anna").hears(sent.id)).text
    await chat("anna").says("/cancel")
    assert [words for words in chat("anna").heard(sent.id) if "804" in words] == [
        chat("anna").heard(sent.id)[0]
    ]


@pytest.mark.parametrize(
    ("number", "words", "hidden"),
    [
        (805, "/add наш причал", (5, 10)),
        (806, "Причал 😀", (0, 9)),
    ],
)
async def test_a_hidden_link_names_a_channel(rt, anna, chat, number, words, hidden):
    """The words may say anything: their link is what counts, in a command and as the whole message."""
    link = {
        "type": "text_link",
        "offset": hidden[0],
        "length": hidden[1],
        "url": f"https://t.me/berth_{number}",
    }
    sent = chat("anna").sends(words, entities=[link])
    assert f"Title {number}" in (await chat("anna").hears(sent.id)).text


async def test_several_in_one_message(rt, anna, chat):
    """Each is added or refused in a line of one reply, with unseen marks around or not."""
    before = await follows(rt, anna)
    answer = await chat("anna").says(
        "\u2066@berth_807\u2069, <https://t.me/berth_808/5?single>\nt.me/+AbCd @berth_807"
    )
    lines = answer.text.split("\n")
    assert [line.split(":")[0] for line in lines] == ["@berth_807", "https", "t.me/+AbCd"]
    assert "Title 807" in lines[0] and "Title 808" in lines[1]
    assert lines[2].endswith(text("errors.channels.invite_link", "ru"))
    assert await follows(rt, anna) == before + 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("https://t.me/addstickers/Ducks", "is_stickers"),
        ("tg://proxy?server=a&port=1", "is_proxy"),
        ("https://t.me/addlist/abc", "is_folder"),
        ("t.me/+79990000000", "is_phone"),
        ("https://t.me/c/1234567890/5/6", "private_group"),
        ("\u200bhttps://t.me/joinchat/AbCd\u200b", "invite_link"),
    ],
)
async def test_what_is_no_channel_is_refused_by_what_it_is(anna, chat, words, code):
    """Pasted alone, each in its own words."""
    assert (await chat("anna").says(words)).text == text(f"errors.channels.{code}", "ru")


async def test_a_name_telegram_must_be_asked_for(rt, anna, chat):
    """The account is asked; while that takes, the chat says so, then tells what came of it."""
    sent = chat("anna").sends("/add @nobody_here")
    await chat("anna").hears(sent.id, text("bot.add.checking", "ru"))
    async with rt.db.transaction(anna.tenant_id) as db:
        task = (await db.exec(select(AccountTask).where(AccountTask.kind == "resolve"))).one()
        await tasks.claim(db, task.account_id, 1)
        await tasks.finish(db, task, epoch=1, error=NotFound("channels.not_found"))
    assert (await chat("anna").hears(sent.id, text("errors.channels.not_found", "ru"))).id > sent.id
