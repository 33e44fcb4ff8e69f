"""Clocks that jump, PostgreSQL's or a process's own: nothing is lost early, and nothing lives for ever."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlmodel import SQLModel, func, select

from tests.clocks import DatabaseClock, Moved
from tests.corpus import a_channel, a_reader, a_tenant
from tests.followed import account, found, listed
from tests.people import VALIDATOR, init_data, member, person, tenant
from tests.servers import JWT_SECRET, settings_for
from tg_assistant.core import health, plans
from tg_assistant.core.access import access_tokens, one_time_links, sessions, sign_in
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.access.sign_in import SignInOrigin
from tg_assistant.core.accounts import logins
from tg_assistant.core.answers import asking
from tg_assistant.core.channels import dialogs
from tg_assistant.core.channels.references import Reference
from tg_assistant.core.privacy import retention
from tg_assistant.errors import InviteSpent, LimitReached, NotFound, SignInNeeded
from tg_assistant.infra.limits import RateLimits
from tg_assistant.models import Notification, Question, Role, SeenInitData, SignIn, Tenant

JUMPS = [timedelta(seconds=s) * sign for s in (7_200, 86_400, 86_400 * 400) for sign in (1, -1)]
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def settings(database, chroma_url, model_dir):
    """The worker's role: retention looks after every tenant."""
    return settings_for(database, chroma_url, model_dir, role="worker")


@pytest.fixture(scope="module", autouse=True)
def _clock_of_postgres(database):
    clock = DatabaseClock(database)
    yield clock
    clock.close()


@pytest.fixture
def db_clock(_clock_of_postgres):
    """PostgreSQL's clock; right again afterwards."""
    yield _clock_of_postgres
    _clock_of_postgres.set(timedelta())


def at(rt, by):
    """A process whose own clock is so far off."""
    return replace(rt, clock=Moved(by))


async def everything(rt, where):
    """How many rows there are of each kind, the shared ones too."""
    counts = {}
    async with rt.db.transaction() as db:
        for table in SQLModel.metadata.sorted_tables:
            counts[table.name] = (await db.exec(select(func.count()).select_from(table))).one()
    return counts


@pytest.mark.parametrize("jump", JUMPS, ids=str)
@pytest.mark.parametrize("whose", ["ours", "PostgreSQL's"])
async def test_nothing_is_deleted_by_one_clock_alone(rt, db_clock, jump, whose):
    """Rows of every kind of retention stay, whichever of the two clocks is wrong, and whichever way."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, ["One post"])
    anna = await a_reader(rt, where, time.time_ns() % 2**40, [channel.id])
    async with rt.db.transaction(where.id) as db:
        db.add(Question(question="What?", door="bot", tenant_id=where.id, user_id=anna.user_id))
        db.add(SignIn(user_id=anna.user_id, address="203.0.113.77"))
        db.add(Notification(user_id=anna.user_id, tenant_id=where.id, code="account.ended"))
        db.add(SeenInitData(digest=anna.user_id.bytes, expires_at=rt.clock.now()))
    before = await everything(rt, where)
    if whose == "ours":
        rt = at(rt, jump)
    else:
        db_clock.set(jump)
    assert await retention.run_due(rt) == 0
    async with rt.db.transaction() as db:
        await sign_in.forget_used(db, rt.clock)
    assert await everything(rt, where) == before


async def test_retention_goes_on_after_the_clocks_were_ahead(rt, db_clock):
    """A group looked after in a year that is yet to come does not wait for that year."""
    where = await a_tenant(rt)
    async with rt.db.transaction(where.id) as db:
        (await db.get_one(Tenant, where.id)).retained_at = rt.clock.now() + 400 * DAY
    await retention.run_due(rt)
    async with rt.db.transaction(where.id) as db:
        row = await db.get_one(Tenant, where.id, populate_existing=True)
        assert row.retained_at and row.retained_at <= rt.clock.now()


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_init_data_is_good_once_whatever_postgresqls_clock(rt, db_clock, jump):
    """Set on between two uses, it would drop the mark of the first; the second is refused all the same."""
    brought = init_data({"id": time.time_ns() % 2**40, "first_name": "P"}, query_id=str(jump))
    origin = SignInOrigin(device="x", door="app")

    async def signed_in():
        async with rt.db.transaction() as db:
            await sign_in.sign_in(db, brought, validator=VALIDATOR, clock=rt.clock, origin=origin)

    await signed_in()
    db_clock.set(jump)
    async with rt.db.transaction() as db:
        await sign_in.forget_used(db, rt.clock)
    with pytest.raises(SignInNeeded):
        await signed_in()


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_used_refresh_token_gets_no_other_chance(rt, jump):
    """The seconds of grace are over once the clock has jumped: the token's family ends, as for any thief."""
    now = datetime.now(UTC)
    async with rt.db.transaction() as db:
        who = await person(db, time.time_ns() % 2**40)
        started = await sessions.start(db, who.user_id, device="x", now=now)
        await sessions.refresh(db, started.refresh_token, now=now)
    async with rt.db.transaction() as db:
        if jump > 25 * DAY:
            pytest.skip("the session itself is over by then")
        with pytest.raises(SignInNeeded):
            await sessions.refresh(db, started.refresh_token, now=now + jump)
    async with rt.db.transaction() as db:
        with pytest.raises(SignInNeeded):
            await sessions.live(db, started.id)


async def test_a_session_begun_while_a_clock_was_years_ahead(rt):
    """It is as good as expired when the clock is right again: no session lives longer than a month."""
    async with rt.db.transaction() as db:
        who = await person(db, time.time_ns() % 2**40)
        ahead = await sessions.start(db, who.user_id, device="x", now=rt.clock.now() + 400 * DAY)
        usual = await sessions.start(db, who.user_id, device="y", now=rt.clock.now())
    async with rt.db.transaction() as db:
        assert (await sessions.live(db, usual.id)).id == usual.id
        with pytest.raises(SignInNeeded):
            await sessions.live(db, ahead.id)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_an_access_token_of_another_time(rt, jump):
    """Made by a process whose clock is off, it is good for nothing here, and never for over half an hour."""
    async with rt.db.transaction() as db:
        who = await person(db, time.time_ns() % 2**40)
        started = await sessions.start(db, who.user_id, device="x", now=rt.clock.now())
    claims = access_tokens.Claims(who.user_id, started.id)
    made = access_tokens.issue(claims, secret=JWT_SECRET, ttl_seconds=1800, now=rt.clock.now() + jump)
    with pytest.raises(SignInNeeded):
        access_tokens.read(made, secret=JWT_SECRET)
    life = jwt.decode(made, options={"verify_signature": False})
    assert life["exp"] - life["nbf"] == 1800


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_one_time_link_of_another_time(rt, db_clock, jump):
    """Ten minutes are over, or PostgreSQL's clock was set back and they begin anew: it opens nothing."""
    async with rt.db.transaction() as db:
        admin = await member(db, await tenant(db), time.time_ns() % 2**40, Role.admin)
        link = await one_time_links.make(db, admin, Purpose.admin)
        started = await logins.start(db, admin)
    db_clock.set(jump)
    async with rt.db.transaction() as db:
        with pytest.raises((NotFound, InviteSpent)):
            await one_time_links.spend(db, link, Purpose.admin)
    async with rt.db.transaction() as db:
        with pytest.raises(NotFound):
            await logins.spend(db, started.link_token)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_days_questions(rt, db_clock, jump):
    """Asked out while PostgreSQL's clock was wrong, one waits a day at most; ours changes nothing."""
    where = await a_tenant(rt)
    anna = await a_reader(rt, where, time.time_ns() % 2**40)
    allowed = plans.of("free").questions_per_day

    async def used_up():
        async with rt.db.transaction(where.id) as db:
            own = {"question": "What?", "door": "bot", "tenant_id": where.id, "user_id": anna.user_id}
            own["answer"] = "That."
            db.add_all([Question(**own) for _ in range(allowed)])

    async def refused(runtime):
        with pytest.raises(LimitReached) as caught:
            await asking.begin(runtime, anna, "Once more?")
        assert caught.value.retry_after is not None
        return caught.value.retry_after

    db_clock.set(jump)
    await used_up()
    assert 86_000 < await refused(at(rt, jump)) <= 86_400
    assert 86_000 < await refused(rt) <= 86_400, "PostgreSQL's clock stamps and counts them"
    db_clock.set(timedelta())
    if not -DAY < jump < timedelta():  # then they count as asked some hours ago
        await asking.begin(rt, anna, "Is it all right again?")
    await used_up()
    assert 86_000 < await refused(rt) <= 86_400


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_an_old_list_vouches_for_nothing(rt, jump):
    """A list of channels read by another clock stands for no access, nor does it bar reading it anew."""
    where = await a_tenant(rt)
    anna = await a_reader(rt, where, time.time_ns() % 2**40)
    private = found(username=None, private=True)
    async with rt.db.transaction(where.id) as db:
        own = await account(db, anna)
        await listed(db, own, private)
        own.dialogs_at = datetime.now(UTC) + jump
        seen = await dialogs.find(db, own, Reference(telegram_id=private.telegram_id))
        assert seen is not None and not seen.vouched
        assert await dialogs._asked(db, own)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_bot_that_was_alive_before_the_jump(rt, db_clock, jump):
    """Its last word says nothing about now; the next one does."""
    async with rt.db.transaction() as db:
        await health.bot_is_alive(db)
    db_clock.set(jump)
    assert not await health._recently(rt, "bot", 90)
    async with rt.db.transaction() as db:
        await health.bot_is_alive(db)
    assert await health._recently(rt, "bot", 90)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_rates_do_not_follow_the_clock_on_the_wall(monkeypatch, jump):
    """Set back, a full window would stay full for as long; set on, all would have another one at once."""
    limits = RateLimits({"sign_in": "3:60"})
    assert [(await limits.hit("sign_in", "a")).allowed for _ in range(4)] == [True] * 3 + [False]
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump.total_seconds())
    after = await limits.hit("sign_in", "a")
    assert not after.allowed and 55 < after.reset <= 60
    assert (await limits.hit("sign_in", "b")).allowed
    await limits.close()
