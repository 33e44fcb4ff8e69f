"""Every command in both languages, as people without and with a membership live it."""

import asyncio

import pytest
from sqlmodel import select

from sandbox.faults import bot_error
from tests.bot.chat import buttons, until
from tests.corpus import incoming_post
from tests.counted import moved
from tests.people import person, tenant
from tg_assistant.core.access import sign_in
from tg_assistant.core.access.init_data import TelegramPerson
from tg_assistant.core.group import invites
from tg_assistant.core.posts import ingestion
from tg_assistant.infra.postgres.db import set_tenant
from tg_assistant.models import Account, Channel, ChannelAccess, Membership, Post, Role, Subscription, User
from tg_assistant.texts import text

pytestmark = pytest.mark.usefixtures("bot")
WHO = pytest.mark.parametrize(("who", "language"), [("anna", "ru"), ("max", "en")])


@pytest.fixture(scope="module")
async def group(rt):
    async with rt.db.transaction() as db:
        return await tenant(db, "Friends & <others>")


@pytest.fixture
async def joined(rt, group, chat):
    """joined("anna") → Anna as a member without an account."""

    async def join(who):
        async with rt.db.transaction() as db:
            anna = chat(who).person
            actor = await person(db, anna.id, anna.first_name, anna.language)
            if actor.tenant_id is None:
                await set_tenant(db, group.id)
                db.add(Membership(tenant_id=group.id, user_id=actor.user_id, role=Role.user))
                await db.flush()
                actor = await sign_in.actor(db, actor.user_id, door="bot")
        return actor

    return join


@pytest.fixture
async def connected(rt, group, joined, chat):
    """connected("anna") → Anna with an account and one public channel she follows."""

    async def connect(who):
        actor = await joined(who)
        async with rt.db.transaction(group.id) as db:
            query = select(Account).where(Account.user_id == actor.user_id)
            if (await db.exec(query)).first() is None:
                account = Account(
                    tenant_id=group.id,
                    user_id=actor.user_id,
                    telegram_id=actor.telegram_id,
                    device="Reader 1",
                )
                # whoever erased their data in another test left the channel to the group
                named = select(Channel).where(Channel.username == f"bridges_{who}")
                channel = (await db.exec(named)).first() or Channel(
                    tenant_id=group.id,
                    telegram_id=500 + actor.telegram_id % 100,
                    title=f"Bridges <of> {who}",
                    username=f"bridges_{who}",
                )
                db.add_all([account, channel])
                await db.flush()
                keys = {"user_id": actor.user_id, "channel_id": channel.id, "tenant_id": group.id}
                db.add_all(
                    [Subscription(**keys), ChannelAccess(account_id=account.id, access_hash=1, **keys)]
                )
        return actor

    return connect


async def test_commands_and_menu_are_told_to_telegram(telegram, chat):
    """Both languages see their own commands and the button that opens the app."""

    async def told():
        return telegram.world.bot.menu_button_for(chat("anna").person)["type"] == "web_app"

    await until(told)
    anna = telegram.world.bot.commands_for(chat("anna").person)
    max_ = telegram.world.bot.commands_for(chat("max").person)
    assert {c["command"] for c in anna} == {c["command"] for c in max_} >= {"ask", "add", "delete_me"}
    assert {"command": "help", "description": text("bot.command.help", "ru")} in anna
    assert {"command": "help", "description": text("bot.command.help", "en")} in max_
    button = telegram.world.bot.menu_button_for(chat("max").person)
    assert button["web_app"]["url"] == "https://ask.example.org/tg/app/"


async def test_the_chat_speaks_the_language_of_the_person(telegram, chat, rt):
    """Button and commands follow Telegram's language, then the choice in the chat or in the app."""
    max_ = chat("max")

    def told(language):
        async def look():
            world = telegram.world.bot
            known = world.commands_for(max_.person)
            return (
                world.menu_button_for(max_.person)["text"] == text("bot.menu", language)
                and {
                    "command": "help",
                    "description": text("bot.command.help", language),
                }
                in known
            )

        return look

    await max_.says("/start")
    assert await until(told("en"))
    choice = await max_.says("/language")
    await max_.presses(choice, text("bot.language.name", "ru"))
    assert await until(told("ru"))
    async with rt.db.transaction() as db:
        person = await sign_in.upsert_user(
            db, TelegramPerson(telegram_id=max_.person.id, first_name="Max"), door="app"
        )
        await sign_in.set_language(db, person, "en")
    await max_.says("/help")
    assert await until(told("en"))


@WHO
async def test_a_stranger_is_told_about_invites(chat, who, language):
    """Without a membership /start explains the way in, and every other command says what is missing."""
    alone = chat(who)
    assert "https" not in (await alone.says("/start", contains=alone.person.first_name)).text
    missing = text("errors.access.no_membership", language)
    for command in ("/channels", "/sessions", "/add @durov", "/ask What?", "What?", "/start ch_1"):
        assert (await alone.says(command, contains="")).text.startswith(missing[:20]), command


@WHO
@pytest.mark.parametrize("command", ["help", "privacy"])
async def test_pages_of_words(chat, who, language, command):
    """/help and /privacy answer in the person's language."""
    answer = await chat(who).says(f"/{command}")
    assert answer.text.startswith("Что" if (language, command) == ("ru", "privacy") else answer.text[:3])
    assert ("канал" in answer.text) == (language == "ru")


@WHO
async def test_small_answers(chat, who, language):
    """Unknown commands, bare /ask and /add, nothing to cancel, a login code: one clear sentence each."""
    said = {
        "/frobnicate": "bot.unknown",
        "/ask": "bot.ask.empty",
        "/add": "bot.add.empty",
        "/cancel": "bot.cancel.nothing",
        "12345": "bot.login_code",
        "1-2-3-4-5-6": "bot.login_code",
    }
    for words, code in said.items():
        expected = text(code, language).partition("<")[0][:30]
        assert expected in (await chat(who).says(words)).text, words


@WHO
async def test_invites(rt, group, chat, who, language):
    """A link joins; a spent or wrong code is told apart; a repeated link is a friendly welcome."""
    async with rt.db.transaction(group.id) as db:
        invite = await invites.create(db, invites.operator(group.id))
    mine = chat(who)
    with moved("errors_total", 1, door="bot", code="invites.bad_code"):
        assert text("errors.invites.bad_code", language) in (await mine.says("/start inv_short")).text
    assert text("errors.invites.spent", language) in (await mine.says("ABCDEFGHJKLM")).text
    joined = await mine.says(f"/start inv_{invite.code}")
    assert "Friends & <others>" in joined.text
    assert [b["web_app"]["url"] for b in buttons(joined)] == ["https://ask.example.org/tg/app/connect/"]
    assert "Friends & <others>" in (await mine.says(f"/start inv_{invite.code}")).text


@WHO
async def test_without_an_account(joined, chat, who, language):
    """A member who has not connected yet is led to connecting."""
    await joined(who)
    mine = chat(who)
    answer = await mine.says("/add @durov")
    assert answer.text == text("errors.accounts.not_connected", language)
    assert "connect" in buttons(answer)[0]["web_app"]["url"]
    assert text("bot.sessions.none", language) in (await mine.says("/sessions")).text
    assert (await mine.says("/channels")).text.startswith(text("bot.channels.none", language)[:20])
    assert buttons(await mine.says("/start login"))


@WHO
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("/add " + "x" * 300, "channels.reference_too_long"),
        ("/add https://example.org/x", "channels.bad_reference"),
        ("/add https://t.me/+AAAAAAAAAAAA", "channels.invite_link"),
        ("/start ch_nonsense", "channels.not_found"),
        ("/start post_3b1f8b0e-0000-4000-8000-000000000000", "posts.not_found"),
    ],
)
async def test_wrong_names(connected, chat, who, language, words, code):
    """What is no channel is refused in words."""
    await connected(who)
    answer = await chat(who).says(words)
    assert answer.text[:25] == text(f"errors.{code}", language)[:25]


@WHO
async def test_channels_pause_and_remove(connected, chat, rt, who, language):
    """The list leads to a card; pausing, resuming and removing work and survive a repeated press."""
    actor = await connected(who)
    mine = chat(who)
    listed = await mine.says("/channels", contains="Bridges <of>")
    card, _ = await mine.presses(listed, "Bridges")
    assert "Bridges <of>" in card
    paused, _ = await mine.presses(mine.last(), text("bot.button.pause", language))
    assert text("bot.channels.state.paused", language, posts="")[2:] in paused
    resumed, _ = await mine.presses(mine.last(), text("bot.button.resume", language))
    assert resumed != paused
    await mine.presses(mine.last(), text("bot.button.ask_remove", language))
    gone, notice = await mine.presses(mine.last(), text("bot.button.remove", language))
    assert notice == text("bot.channels.removed", language)
    assert gone.startswith(text("bot.channels.none", language)[:15])
    async with rt.db.transaction(actor.tenant_id) as db:
        left = select(Subscription).where(Subscription.user_id == actor.user_id)
        assert (await db.exec(left)).first() is None


@WHO
async def test_language_is_chosen(rt, chat, who, language):
    """The chosen language wins over Telegram's, and can be changed back."""
    mine = chat(who)
    other = "en" if language == "ru" else "ru"
    for wanted, now in ((other, language), (language, other)):
        asked = await mine.says("/language", contains=text("bot.language.choose", now))
        said, _ = await mine.presses(asked, text("bot.language.name", wanted))
        assert said == text("bot.language.done", wanted)
        assert (await mine.says("/cancel")).text == text("bot.cancel.nothing", wanted)


@WHO
async def test_no_text(chat, who, language, telegram):
    """A photo asks for nothing we understand; that is said."""
    photo = {"file_id": "x", "file_unique_id": "y", "file_size": 1}
    sent = chat(who).sends("", photo=photo)
    assert (await chat(who).hears(sent.id)).text == text("bot.not_text.media", language)


@WHO
async def test_a_blocked_bot_goes_on(telegram, chat, who, language):
    """Telegram's "forbidden", "too many requests" and a broken answer stop nobody's next message."""
    telegram.fail("sendMessage", bot_error(403, "Forbidden: bot was blocked by the user"))
    chat(who).sends("/help")
    await asyncio.sleep(0.2)
    telegram.fail("sendMessage", bot_error(429, "Too Many Requests: retry after 1", retry_after=1))
    assert (await chat(who).says("/cancel")).text == text("bot.cancel.nothing", language)
    telegram.fail("sendMessage", bot_error(502, "Bad Gateway"))
    assert (await chat(who).says("/cancel")).text == text("bot.cancel.nothing", language)


async def test_groups_are_told_where_it_works(rt, telegram, chat):
    """A command in a group gets one sentence, and nobody of the group is written down."""
    told = []
    telegram.world.hub.listen(lambda name, facts: told.append((name, facts)))
    anna = chat("anna").person
    who = {"id": 4_000_001, "is_bot": False, "first_name": "Zoe", "language_code": "ru"}
    body = {"message_id": 5, "date": 1, "chat": {"id": anna.id, "type": "group", "title": "G"}, "from": who}
    telegram.world.bot.notify("message", {**body, "text": "/help"})
    before = chat("anna").last().id
    assert (await chat("anna").hears(before)).text == text("bot.group", "ru")
    async with rt.db.transaction() as db:
        assert (await db.exec(select(User).where(User.telegram_id == who["id"]))).first() is None


@WHO
async def test_delete_me_asks_twice(rt, joined, chat, who, language):
    """Nothing goes at the first press; after the second there is a receipt and no row of the person."""
    actor = await joined(who)
    mine = chat(who)
    # the account of an earlier test has no ingest to log it out
    async with rt.db.transaction(actor.tenant_id) as db:
        for account in await db.exec(select(Account).where(Account.user_id == actor.user_id)):
            account.status = "logged_out"
    kept, _ = await mine.presses(await mine.says("/delete_me"), text("bot.button.keep", language))
    assert kept == text("bot.delete.kept", language)
    asked = await mine.says("/delete_me", contains=text("bot.delete.confirm", language))
    await mine.presses(asked, text("bot.button.delete_me", language))
    done, _ = await mine.presses(mine.last(), text("bot.button.delete_me_really", language))
    assert done.startswith(
        text("bot.delete.done", language, date="", channels="", questions="", number="")[:10]
    )
    async with rt.db.transaction() as db:
        assert await db.get(User, actor.user_id) is None
    assert (await mine.says("/channels")).text == text("errors.access.no_membership", language)


async def test_a_post_is_shown_with_its_formatting(connected, chat, rt):
    """Struck out, hidden, linked as in the channel; a link to a script is words."""
    max_ = await connected("max")
    words = "😀 <b>Up</b> by 5 secret site trap " + "x" * 700
    over = {"strikethrough": "by 5", "spoiler": "secret", "hashtag": "Up", "pre": "x" * 700}

    def entity(kind: str, each: str, **facts: str) -> dict[str, object]:
        return {"kind": kind, "offset": words.index(each) + 1, "length": len(each), **facts}

    entities = [
        *(entity(kind, each) for kind, each in over.items()),
        entity("text_link", "site", url="https://example.org/"),
        entity("text_link", "trap", url="javascript:alert(1)"),
    ]
    poll = [{"origin": "poll", "text": "Poll: <i>Up?</i>"}]
    async with rt.db.transaction(max_.tenant) as db:
        owned = select(Channel).join(Subscription).where(Subscription.user_id == max_.user_id)
        channel = (await db.exec(owned)).first()
        await ingestion.save_live(
            db, channel.id, [incoming_post(1, words, entities=entities, parts=poll)], [1]
        )
        post = (await db.exec(select(Post).where(Post.channel_id == channel.id))).one()
    answer = await chat("max").says(f"/start post_{post.id}")
    title = "Bridges <of> max"
    assert answer.text.startswith(f"{title}\n\n😀 <b>Up</b> by 5 secret site trap xxx")
    assert answer.text.endswith("…\n\nPoll: <i>Up?</i>")
    encoded = answer.text.encode("utf-16-le")
    shown = {
        each["type"]: encoded[2 * each["offset"] : 2 * (each["offset"] + each["length"])].decode("utf-16-le")
        for each in answer.entities
    }
    assert shown.pop("pre").strip("x") == "…"
    assert shown == {"bold": title, "strikethrough": "by 5", "spoiler": "secret", "text_link": "site"}
