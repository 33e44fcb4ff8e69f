"""What is too old goes, by group and by kind, under a clock that is moved; what is young stays."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text, update
from sqlmodel import col, select

from tests.clocks import DatabaseClock, Moved
from tests.corpus import a_channel, a_reader, a_tenant
from tests.followed import account
from tests.people import member, person
from tests.servers import settings_for
from tg_assistant.core.access import sessions, sign_in
from tg_assistant.core.channels import channels, following
from tg_assistant.core.group import members
from tg_assistant.core.names import Job
from tg_assistant.core.privacy import purging, retention
from tg_assistant.errors import Invalid, NotAllowed
from tg_assistant.infra.postgres import jobs
from tg_assistant.models import (
    AccountTask,
    AppSession,
    AuditEvent,
    BotUpdate,
    Channel,
    ChannelAccess,
    KeyRotation,
    Login,
    Notification,
    OneTimeLink,
    Post,
    Question,
    Role,
    SeenInitData,
    SignIn,
    Subscription,
    Tenant,
)


@pytest.fixture(scope="module")
def settings(database, chroma_url, model_dir):
    """Retention is the worker's: it looks after every tenant."""
    return settings_for(database, chroma_url, model_dir, role="worker")


@pytest.fixture(scope="module", autouse=True)
def postgres_clock(database):
    """PostgreSQL's own, before anybody connects; `after` sets it."""
    clock = DatabaseClock(database)
    yield clock
    clock.close()


@pytest.fixture
def after(postgres_clock):
    """after(rt, days): what a worker does so many days from now, by both clocks."""

    async def run(rt, days, processes=1):
        postgres_clock.set(timedelta(days=days))
        then = replace(rt, clock=Moved(timedelta(days=days)))
        try:
            return await asyncio.gather(*(retention.run_due(then) for _ in range(processes)))
        finally:
            postgres_clock.set(timedelta())

    return run


async def a_life(rt, telegram_id):
    """A group with one reader who left a row of each kind today."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["One post"])
    anna = await a_reader(rt, where, telegram_id, [channel.id])
    own = {"tenant_id": where.id, "user_id": anna.user_id}
    async with rt.db.transaction(where.id) as db:
        linked = await account(db, anna)
        db.add(Question(question="What?", door="bot", **own))
        db.add(SignIn(user_id=anna.user_id, address="203.0.113.77", device="x"))
        db.add(SignIn(user_id=anna.user_id, address="2001:db8:1:2::3", device="y"))
        db.add(Login(status="expired", expires_at=rt.clock.now(), **own))
        done = {"kind": "resolve", "done_at": rt.clock.now()}
        db.add(AccountTask(tenant_id=where.id, account_id=linked.id, **done))
    return where, channel, anna


async def count(rt, model, where):
    async with rt.db.transaction(where.id) as db:
        return len((await db.exec(select(model).where(model.tenant_id == where.id))).all())


async def addresses(rt, anna):
    async with rt.db.transaction(anna.tenant) as db:
        rows = await db.exec(select(SignIn).where(SignIn.user_id == anna.user_id))
        return sorted(row.address for row in rows)


async def test_the_defaults(rt, after):
    """Jobs a week, addresses a month, questions and sign-ins a quarter, the trail a year."""
    where, _, anna = await a_life(rt, 7401)
    await after(rt, 6)
    assert await count(rt, AccountTask, where) == 1
    await after(rt, 29)
    assert await count(rt, AccountTask, where) == 0
    assert await addresses(rt, anna) == ["2001:db8:1:2::3", "203.0.113.77"]
    await after(rt, 31)
    assert await addresses(rt, anna) == ["2001:db8:1::/48", "203.0.113.0/24"]
    await after(rt, 89)
    assert await count(rt, Question, where) == await count(rt, Login, where) == 1
    await after(rt, 91)
    assert await count(rt, Question, where) == await count(rt, Login, where) == 0
    assert await addresses(rt, anna) == []
    assert await count(rt, AuditEvent, where) > 0
    await after(rt, 364)
    assert await count(rt, AuditEvent, where) > 0
    await after(rt, 366)
    assert await count(rt, AuditEvent, where) == 0
    assert await count(rt, Post, where) == 1, "somebody follows the channel"


async def test_a_group_may_keep_things_for_another_time(rt, after):
    """Its own periods hold for it alone; only owners set them, within sense; None is the default again."""
    here, _, _ = await a_life(rt, 7402)
    there, _, _ = await a_life(rt, 7403)
    async with rt.db.transaction(here.id) as db:
        owner, admin = await member(db, here, 7404, Role.owner), await member(db, here, 7405, Role.admin)
        kept = await retention.change(db, owner, questions=10, audit=None)
        assert kept == retention.Periods(questions=10) == await retention.get(db, admin)
        with pytest.raises(NotAllowed):
            await retention.change(db, admin, questions=1)
        for days in (0, -1, retention.MAX_DAYS + 1, True):
            if days is not True:
                with pytest.raises(Invalid):
                    await retention.change(db, owner, posts=days)
    await after(rt, 11)
    assert (await count(rt, Question, here), await count(rt, Question, there)) == (0, 1)


async def test_once_a_day_whichever_process_comes_first(rt, after):
    """Five workers at once do it once; the next turn comes after a day."""
    where, _, _ = await a_life(rt, 7406)
    await after(rt, 0)

    async def turns(days):
        before = await retained(rt, where)
        await asyncio.gather(*(after(rt, days) for _ in range(5)))
        return await retained(rt, where) != before

    assert not await turns(0.9)
    assert await turns(1.1)


async def retained(rt, where):
    async with rt.db.transaction(where.id) as db:
        return (await db.exec(select(Tenant.retained_at).where(Tenant.id == where.id))).one()


async def test_posts_go_when_nobody_could_read_them_for_long_enough(rt, after):
    """Followers who are switched off count as nobody; switched on in time, everything is still there."""
    where, channel, anna = await a_life(rt, 7407)
    async with rt.db.transaction(where.id) as db:
        owner = await member(db, where, 7408, Role.owner)
        await members.change(db, owner, anna.user_id, version=1, disabled=True)
    await after(rt, 1)
    await after(rt, 80)
    async with rt.db.transaction(where.id) as db:
        await members.change(db, owner, anna.user_id, version=2, disabled=False)
    await after(rt, 100)
    assert await count(rt, Post, where) == 1
    async with rt.db.transaction(where.id) as db:
        await members.change(db, owner, anna.user_id, version=3, disabled=True)
    await after(rt, 102)
    await after(rt, 191)
    assert await count(rt, Subscription, where) == 1
    await after(rt, 193)
    async with rt.db.transaction(where.id) as db:
        assert await jobs.waiting(db, Job.purge_channel, str(channel.id))
    await purging.purge_channel(rt, where.id, channel.id)
    assert await count(rt, Post, where) == await count(rt, Channel, where) == 0


async def test_a_private_channel_nobody_has_access_to_is_read_by_nobody(rt, after):
    """Its posts go like those without followers."""
    where, channel, anna = await a_life(rt, 7409)
    async with rt.db.transaction(where.id) as db:
        stored = await db.get_one(Channel, channel.id)
        stored.private = True
        db.add(stored)
        linked = await account(db, anna)
        own = {"tenant_id": where.id, "user_id": anna.user_id, "account_id": linked.id}
        db.add(ChannelAccess(channel_id=channel.id, access_hash=1, **own))
    await after(rt, 1)
    assert (await unread_since(rt, channel)) is None
    async with rt.db.transaction(where.id) as db:
        access = (await db.exec(select(ChannelAccess).where(ChannelAccess.channel_id == channel.id))).one()
        access.lost_at = rt.clock.now()
        db.add(access)
    await after(rt, 3)
    assert (await unread_since(rt, channel)) is not None


async def test_an_access_nobody_has_checked_reads_nothing(rt, after):
    """A private channel that only an old list vouches for has no reader until Telegram has shown it."""
    where, channel, anna = await a_life(rt, 7420)
    async with rt.db.transaction(where.id) as db:
        stored = await db.get_one(Channel, channel.id)
        stored.private = True
        db.add(stored)
        linked = await account(db, anna)
        await following.grant(db, linked, channel.id, 1, vouched=False)
    await after(rt, 1)
    assert (await unread_since(rt, channel)) is not None
    async with rt.db.transaction(where.id) as db:
        assert await channels.readable_ids(db, anna) == []
        await following.confirm(db, linked.id, channel.id)
        assert await channels.readable_ids(db, anna) == [channel.id]
    await after(rt, 3)
    assert (await unread_since(rt, channel)) is None


async def unread_since(rt, channel):
    async with rt.db.transaction(channel.tenant_id) as db:
        return (await db.exec(select(Channel.unread_since).where(Channel.id == channel.id))).one()


async def test_what_belongs_to_no_group_goes_too(rt, after):
    """Messages, sign-ins of strangers and of nobody, the bot's old updates, lines without a group."""
    await a_life(rt, 7410)
    async with rt.db.transaction() as db:
        stranger = await person(db, 7411)
        db.add(Notification(user_id=stranger.user_id, code="account.ended"))
        db.add(SignIn(user_id=stranger.user_id, address="203.0.113.9"))
        db.add(SignIn(address="203.0.113.10", outcome="access.init_data"))
        db.add(BotUpdate(update_id=uuid4().int >> 80, done_at=rt.clock.now() - timedelta(days=3)))
        db.add(AuditEvent(user_id=stranger.user_id, action="session.start"))
    await after(rt, 31)
    async with rt.db.transaction() as db:
        strangers = select(SignIn).where(SignIn.outcome == "access.init_data")
        assert [row.address for row in await db.exec(strangers)] == ["203.0.113.0/24"]
        assert not (await db.exec(select(BotUpdate))).all()
        owed = select(Notification).where(col(Notification.user_id) == stranger.user_id)
        assert not (await db.exec(owed)).all()
    await after(rt, 400)
    async with rt.db.transaction() as db:
        assert not (await db.exec(select(SignIn).where(SignIn.user_id == stranger.user_id))).all()
        assert not (await db.exec(strangers)).all()
        lines = select(AuditEvent).where(AuditEvent.user_id == stranger.user_id)
        assert not (await db.exec(lines)).all()


async def test_what_is_the_installations_own_goes_too(rt, after):
    """The queue's log and done key rotations after a week, sessions after a month, links after their day."""
    where, _, anna = await a_life(rt, 7412)
    now = rt.clock.now()
    eight, two = now - timedelta(days=8), now - timedelta(days=2)
    async with rt.db.transaction(where.id) as db:
        old, young, waiting = (KeyRotation(requested_at=eight, done_at=at) for at in (eight, two, None))
        ended, live = [await sessions.start(db, anna.user_id, device="x", now=now) for _ in range(2)]
        over = update(AppSession).where(col(AppSession.id) == ended.id)
        await db.exec(over.values(revoked_at=now - timedelta(days=31)))
        spent = OneTimeLink(hash=b"old", user_id=anna.user_id, purpose="admin", expires_at=eight)
        db.add_all([old, young, waiting, spent])
        kept = [young.id, waiting.id]
        for at in (eight, two):
            said = text(
                "INSERT INTO pgqueuer_log (created, job_id, status, priority, entrypoint)"
                " VALUES (:at, -1, 'successful', 0, :name)"
            )
            await db.exec(said.bindparams(at=at, name="kept" if at == two else "gone"))
    await after(rt, 0)
    async with rt.db.transaction(where.id) as db:
        assert set((await db.exec(select(KeyRotation.id))).all()) == set(kept)
        ids = (await db.exec(select(AppSession.id).where(AppSession.user_id == anna.user_id))).all()
        assert live.id in ids and ended.id not in ids
        assert not (await db.exec(select(OneTimeLink))).all()
        logged = await db.exec(text("SELECT entrypoint FROM pgqueuer_log WHERE job_id = -1"))
        assert [row[0] for row in logged] == ["kept"]


async def test_digests_of_init_data_go_a_day_after_they_could_be_used(rt):
    """Never while a replay could still be accepted, be it by a server whose clock is hours off."""
    now = rt.clock.now()
    async with rt.db.transaction() as db:
        for digest, hours in ((b"gone", 25), (b"kept", 23), (b"live", -1)):
            db.add(SeenInitData(digest=digest, expires_at=now - timedelta(hours=hours)))
    async with rt.db.transaction() as db:
        await sign_in.forget_used(db, rt.clock)
        left = (await db.exec(select(SeenInitData.digest))).all()
    assert {b"kept", b"live"} <= set(left) and b"gone" not in left


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("unix", None),
    ],
)
def test_networks(address, network):
    """What is left of an address says where it was, not whose."""
    assert retention.network_of(address) == network
