"""What the product owes people reaches them once, in their language; a blocked bot is left in peace."""

import psycopg
import pytest
from sqlmodel import select

from sandbox.faults import bot_error
from tests import followed
from tests.bot.chat import Chat, until
from tests.corpus import a_reader, a_tenant
from tests.people import person
from tg_assistant.core.accounts import accounts
from tg_assistant.core.messaging import outbox
from tg_assistant.core.messaging.outbox import TRIES
from tg_assistant.infra.postgres.db import set_user
from tg_assistant.models import AuditEvent, Membership, Notification
from tg_assistant.texts import codes, text

pytestmark = pytest.mark.usefixtures("bot")


@pytest.fixture
def owe(rt, chat):
    """owe("anna", code, …) writes a notification down as core does."""

    async def add(who, code, **args):
        anna = chat(who).person
        chat(who).sends("/cancel")
        async with rt.db.transaction() as db:
            actor = await person(db, anna.id, anna.first_name, anna.language)
            await outbox.add(db, actor.user_id, code, tenant_id=None, **args)
        return actor

    return add


async def rows(rt, actor):
    async with rt.db.transaction() as db:
        await set_user(db, actor.user_id)
        query = select(Notification).where(Notification.user_id == actor.user_id)
        return list(await db.exec(query.order_by(Notification.created_at)))


async def until_settled(rt, actor):
    async def settled():
        return all(row.sent_at or row.attempts >= TRIES for row in await rows(rt, actor))

    await until(settled, 20)
    return (await rows(rt, actor))[-1]


@pytest.mark.parametrize(("who", "language"), [("anna", "ru"), ("max", "en")])
async def test_each_code_in_the_persons_language(rt, owe, chat, who, language):
    """Every notification there is arrives, its values escaped."""
    before = chat(who).sends("/help").id
    for code in sorted(each for each in codes("en") if each.startswith("notifications.")):
        facts = {"title": "<b>Boats</b>", "group": "<b>Boats</b>"}
        await owe(who, code.removeprefix("notifications."), reason="SESSION_REVOKED", **facts)
        expected = text(code, language, **facts).replace("<b><b>", "<b>")
        await chat(who).hears(before, expected.replace("</b></b>", "</b>"))
    assert "<b>Boats</b>" in "".join(chat(who).heard(before))


async def test_too_many_requests_delay_it(rt, owe, telegram):
    """Telegram's wait is kept, then the message is sent."""
    telegram.fail("sendMessage", bot_error(429, "Too Many Requests: retry after 1", retry_after=1))
    assert (await until_settled(rt, await owe("max", "account.connected"))).sent_at is not None


async def test_a_blocked_bot_drops_it(rt, owe, telegram, chat):
    """Forbidden is final: never tried again, and written down."""
    actor = await owe("max", "account.ended")
    await until_settled(rt, actor)
    telegram.world.chats.block(chat("max").person, True)
    async with rt.db.transaction() as db:
        await set_user(db, actor.user_id)
        await outbox.add(db, actor.user_id, "account.ended", tenant_id=None)
    dropped = await until_settled(rt, actor)
    telegram.world.chats.block(chat("max").person, False)
    assert dropped.sent_at is None and dropped.attempts == TRIES
    async with rt.db.transaction() as db:
        await set_user(db, actor.user_id)
        audited = select(AuditEvent).where(AuditEvent.action == "notification.drop")
        assert (await db.exec(audited)).one().detail == {"reason": "blocked"}


@pytest.mark.parametrize("how", ["switched off", "removed"])
async def test_who_was_switched_off_is_told_nothing_of_the_group(rt, telegram, chat, how):
    """Owed before, and not sent: it names a channel of theirs; others are told as before."""
    someone = telegram.world.people.add({"key": f"gone {how}", "first_name": "Gone"})
    mine = Chat(telegram, someone.key)
    sent = mine.sends("/cancel")
    await mine.hears(sent.id)
    where = await a_tenant(rt)
    actor = await a_reader(rt, where, someone.id)
    async with rt.db.transaction(where.id) as db:
        membership = (await db.exec(select(Membership).where(Membership.user_id == actor.user_id))).one()
        await outbox.add(db, actor.user_id, "channels.access_lost", tenant_id=where.id, title="Secret")
        if how == "removed":
            await db.delete(membership)
        else:
            membership.disabled = True
            db.add(membership)

    async def settled():
        async with rt.db.transaction(where.id) as db:
            [row] = await db.exec(select(Notification).where(Notification.user_id == actor.user_id))
        return row if row.attempts >= TRIES or row.sent_at else None

    assert (await until(settled)).sent_at is None
    assert "Secret" not in "".join(mine.heard(after=sent.id))


async def test_an_unknown_code_holds_up_nobody(rt, owe, chat):
    """A code without a text waits; the next notification is sent."""
    before = chat("anna").sends("/cancel").id
    await owe("anna", "nothing.known")
    await owe("anna", "account.connected")
    heard = await chat("anna").hears(before, text("notifications.account.connected", "ru"))
    assert heard.id > before


async def test_a_restarted_postgresql_stops_nobody(database, owe, chat):
    """All the bot's connections end, again and again: it answers and notifies afterwards as before."""
    every = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(3):
        before = chat("max").sends("/help").id
        await chat("max").hears(before)
        async with await psycopg.AsyncConnection.connect(database.admin_url, autocommit=True) as admin:
            await admin.execute(every)
        nothing = text("bot.cancel.nothing", "en")
        assert (await chat("max").says("/cancel", contains=nothing)).text == nothing
        await owe("max", "account.ended")
        await chat("max").hears(before, text("notifications.account.ended", "en"))


async def test_who_blocked_the_bot_is_told_once_they_unblock_it(rt, telegram, chat):
    """That the account has ended could not be delivered; nothing but that is told again, and only once."""
    where = await a_tenant(rt)
    mine = chat("anna")
    sent = mine.sends("/cancel")
    actor = await a_reader(rt, where, mine.person.id)
    async with rt.db.transaction(where.id) as db:
        linked = await followed.account(db, actor)
    telegram.block_bot("anna")
    async with rt.db.transaction(where.id) as db:
        await accounts.end(db, await accounts.read(db, linked.id), "USER_DEACTIVATED_BAN")
        await outbox.add(db, actor.user_id, "account.connected", tenant_id=where.id)

    async def given_up():
        async with rt.db.transaction(where.id) as db:
            rows = (await db.exec(select(Notification).where(Notification.user_id == actor.user_id))).all()
        return len(rows) == 2 and all(row.attempts >= TRIES for row in rows)

    await until(given_up)
    banned = text("notifications.account.ended.USER_DEACTIVATED_BAN", mine.person.language)
    telegram.block_bot("anna", False)
    await mine.hears(sent.id, banned)
    telegram.block_bot("anna")
    telegram.block_bot("anna", False)
    await mine.says("/cancel")
    assert [heard for heard in mine.heard(after=sent.id) if heard == banned] == [banned]
