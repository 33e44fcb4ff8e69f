"""Deleting a person: everything of theirs goes, nothing of others, and no session is left behind."""

import asyncio

import pytest
from sqlmodel import SQLModel, col, select

from tests.corpus import a_channel, a_reader, a_tenant
from tests.people import member, person
from tests.servers import all_tenants
from tg_assistant.core import audit
from tg_assistant.core.access import sessions, sign_in
from tg_assistant.core.group import invites
from tg_assistant.core.messaging import inbox, outbox
from tg_assistant.core.names import Job
from tg_assistant.core.privacy import erasure
from tg_assistant.core.retrieval import indexing
from tg_assistant.errors import InviteSpent, NotAllowed, Unavailable
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.vectors import Space
from tg_assistant.models import (
    Account,
    AccountStatus,
    BotUpdate,
    Invite,
    Login,
    Notification,
    Question,
    Role,
    Subscription,
    Tenant,
    User,
)


@pytest.fixture
def quick(monkeypatch):
    """Nobody logs out here, so do not wait five seconds for it."""
    ask = erasure.accounts.disconnect

    async def disconnect(rt, actor, account_id):
        return await ask(rt, actor, account_id, seconds=0.1)

    monkeypatch.setattr(erasure.accounts, "disconnect", disconnect)


async def life_of(rt, where, telegram_id, channel):
    """A reader with a question, an app session, a login and an account whose session Telegram ended."""
    actor = await a_reader(rt, where, telegram_id, [channel.id])
    own = {"tenant_id": where.id, "user_id": actor.user_id}
    async with rt.db.transaction(where.id) as db:
        db.add(Question(question="Where is my secret?", door="bot", **own))
        db.add(Account(telegram_id=telegram_id, status=AccountStatus.ended, **own))
        db.add(Login(status="failed", expires_at=rt.clock.now(), **own))
        await sessions.start(db, actor.user_id, device="x", now=rt.clock.now())
        await outbox.add(db, actor.user_id, "account.ended", tenant_id=where.id)
    return actor


async def rows_of(rt, user_id):
    """Names of the tables with a row of this person."""
    found = set()
    async with all_tenants(rt) as db:
        for table in SQLModel.metadata.sorted_tables:
            if "user_id" in table.c:
                query = select(table).where(table.c.user_id == user_id)
                found |= {table.name} if (await db.exec(query)).first() else set()
    return found


async def test_everything_of_a_person_goes_and_nothing_of_others(rt):
    """No table keeps a row of theirs but the audit trail; a neighbour keeps all of his."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["One post"])
    anna, max_ = await life_of(rt, where, 501, channel), await life_of(rt, where, 502, channel)
    before = await rows_of(rt, max_.user_id)
    receipt = await erasure.erase(rt, anna)
    assert (receipt.accounts, receipt.channels, receipt.questions) == (1, 1, 1)
    assert await rows_of(rt, anna.user_id) == {"audit_events"}
    assert await rows_of(rt, max_.user_id) == before >= {"questions", "subscriptions", "accounts"}
    async with rt.db.transaction() as db:
        assert await db.get(User, anna.user_id) is None


async def test_messages_that_could_not_be_processed_go_too(rt):
    """They are kept a week for whoever runs the bot; not longer than their sender is there."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        anna, max_ = await member(db, where, 503), await member(db, where, 504)
        for actor in (anna, max_):
            sent = {"message": {"from": {"id": actor.telegram_id}, "text": "Held"}}
            db.add(BotUpdate(update_id=actor.telegram_id, payload=sent, attempts=inbox.HELD))
    await erasure.erase(rt, anna)
    async with rt.db.transaction() as db:
        assert await db.get(BotUpdate, anna.telegram_id) is None
        assert await db.get(BotUpdate, max_.telegram_id) is not None


async def test_invites_of_the_group_stay(rt):
    """An invite somebody used or made belongs to the group and goes on working without their name."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        admin = await member(db, where, 511, Role.admin)
        invite = await invites.create(db, admin, uses_limit=0)
        guest = await person(db, 512)
        await invites.redeem(db, guest, invite.code)
    await erasure.erase(rt, admin)
    async with rt.db.transaction(where.id) as db:
        left = (await db.exec(select(Invite).where(Invite.code == invite.code))).one()
        assert left.created_by is None and left.uses_count == 1


async def test_an_invite_to_power_goes_with_its_maker(rt):
    """An admin who leaves keeps no way back as an admin."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        admin = await member(db, where, 513, Role.admin)
        powerful = await invites.create(db, admin, role=Role.admin, uses_limit=0)
        plain = await invites.create(db, admin, uses_limit=0)
    await erasure.erase(rt, admin)
    async with rt.db.transaction(where.id) as db:
        again = await person(db, 513)
        with pytest.raises(InviteSpent):
            await invites.redeem(db, again, powerful.code)
        await invites.redeem(db, again, plain.code)
        assert (await sign_in.actor(db, again.user_id, door="test")).role is Role.user


async def test_a_session_nobody_can_end_is_not_left_behind(rt, quick):
    """While Telegram does not confirm the log-out nothing is deleted; asking again later works."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["One post"])
    actor = await life_of(rt, where, 521, channel)
    async with rt.db.transaction(where.id) as db:
        own = {"tenant_id": where.id, "user_id": actor.user_id}
        live = Account(telegram_id=521, sealed_session=b"x", **own)
        db.add(live)
    with pytest.raises(Unavailable, match="log_out_pending"):
        await erasure.erase(rt, actor)
    assert "questions" in await rows_of(rt, actor.user_id)
    async with rt.db.transaction(where.id) as db:
        await erasure.accounts.logged_out(db, await erasure.accounts.read(db, live.id))
    await erasure.erase(rt, actor)
    assert await rows_of(rt, actor.user_id) <= {"audit_events"}


async def test_the_last_owner_stays_while_others_are_there(rt):
    """A group is not left without an owner; alone, the owner may go."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        owner = await member(db, where, 531, Role.owner)
        other = await member(db, where, 532)
    with pytest.raises(NotAllowed, match="last_owner"):
        await erasure.erase(rt, owner)
    await erasure.erase(rt, other)
    await erasure.erase(rt, owner)
    async with rt.db.transaction() as db:
        assert await db.get(User, owner.user_id) is None


async def test_a_last_owner_may_take_the_group_along(rt):
    """Everybody's data, the trail and the index go; people stay people, are told, and can join elsewhere."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["One post about bees"])
    anna = await life_of(rt, where, 551, channel)
    async with rt.db.transaction(where.id) as db:
        owner = await member(db, where, 552, Role.owner)
    await indexing.index_dirty(rt, where.id)
    space = Space(where.id, rt.embedder.model)
    assert await rt.vectors.count(space) == 1
    receipt = await erasure.erase(rt, owner, with_group=True)
    assert receipt.group and receipt.accounts == 1
    async with all_tenants(rt) as db:
        assert await db.get(Tenant, where.id) is None and await db.get(User, owner.user_id) is None
        left = await sign_in.actor(db, anna.user_id, door="test")
        assert left.tenant_id is None
        owed = select(Notification.code).where(col(Notification.user_id) == anna.user_id)
        assert list(await db.exec(owed)) == ["group.deleted"]
        assert await jobs.waiting(db, Job.forget_tenant, str(where.id))
    async with rt.db.transaction(where.id) as db:
        for table in SQLModel.metadata.sorted_tables:
            if "tenant_id" in table.c:
                query = select(table).where(table.c.tenant_id == where.id)
                assert (await db.exec(query)).first() is None, table.name
    await erasure.forget_tenant(rt, where.id)
    assert await rt.vectors.count(space) == 0


async def test_a_group_does_not_go_while_a_member_is_still_connected(rt, quick):
    """A session of theirs that Telegram has not ended yet keeps everything where it is."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        owner, kim = await member(db, where, 561, Role.owner), await member(db, where, 562)
        db.add(Account(telegram_id=562, sealed_session=b"x", tenant_id=where.id, user_id=kim.user_id))
    with pytest.raises(Unavailable, match="log_out_pending"):
        await erasure.erase(rt, owner, with_group=True)
    async with rt.db.transaction(where.id) as db:
        assert await db.get(Tenant, where.id) is not None
        assert (await sign_in.actor(db, owner.user_id, door="test")).role is Role.owner


async def test_saying_with_group_harms_nobody_else(rt):
    """It does nothing for a user, an admin, or an owner beside another one."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        people = [
            await member(db, where, 571 + n, role)
            for n, role in enumerate((Role.user, Role.admin, Role.owner, Role.owner))
        ]
    for who in people[:3]:
        assert not (await erasure.erase(rt, who, with_group=True)).group
    async with rt.db.transaction(where.id) as db:
        assert await db.get(Tenant, where.id) is not None


async def test_two_last_owners_leaving_at_once(rt):
    """One goes, the other is then the last and is asked what to do."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        owners = [await member(db, where, 581 + n, Role.owner) for n in range(2)]
        await member(db, where, 583)
    done = await asyncio.gather(*(erasure.erase(rt, who) for who in owners), return_exceptions=True)
    assert sum(isinstance(one, NotAllowed) for one in done) == 1


async def test_a_person_without_a_membership(rt):
    """Who only pressed /start can be forgotten too, and doing it twice harms nothing."""
    async with rt.db.transaction() as db:
        stranger = await person(db, 541)
        await audit.record(db, stranger, "session.start")
    await erasure.erase(rt, stranger)
    again = await erasure.erase(rt, stranger)
    assert (again.accounts, again.channels, again.questions) == (0, 0, 0)
    async with all_tenants(rt) as db:
        left = select(Notification).where(col(Notification.user_id) == stranger.user_id)
        assert (await db.exec(left)).first() is None
        assert (await db.exec(select(Subscription))).first() is not None
