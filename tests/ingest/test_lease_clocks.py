"""PostgreSQL's clock jumps under leases: none is held by two, none is lost, none is kept by the dead."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from ingest import lease as leasing
from ingest.lease import EvenClock, Lease, take
from tests.clocks import DatabaseClock
from tests.databases import own_database
from tests.ingest.connecting import eventually
from tg_assistant.core.accounts import leases, login_steps, logins
from tg_assistant.core.accounts.leases import LEASE_SECONDS, Trust
from tg_assistant.core.actor import Actor
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login

JUMPS = [timedelta(seconds=s) * sign for s in (60, 3_600, 86_400) for sign in (1, -1)]


@pytest.fixture
def fresh_database(postgres: Postgres) -> Iterator[Postgres]:
    """One whose clock can be set; `clock_of` finds it."""
    with own_database(postgres) as own:
        clock = DatabaseClock(own)
        _clocks[own.app_url] = clock
        yield own
        clock.close()


_clocks: dict[str, DatabaseClock] = {}


@pytest.fixture
def db_clock(fresh_database: Postgres) -> DatabaseClock:
    return _clocks[fresh_database.app_url]


@pytest.fixture
async def row(ingest_rt: Runtime, anna: Actor) -> Login:
    async with ingest_rt.db.transaction(anna.tenant) as db:
        return (await logins.start(db, anna)).login


async def observed(rt: Runtime, clock: EvenClock) -> Trust:
    async with rt.db.transaction() as db:
        return await clock.trust(db)


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_living_owner_keeps_it(
    ingest_rt: Runtime, db_clock: DatabaseClock, row: Login, jump: timedelta, monkeypatch
) -> None:
    """While it renews nobody else takes the row, before, at and after the jump; and its work goes on."""
    monkeypatch.setattr(leasing, "RENEW_SECONDS", 1.0)
    others = EvenClock()
    await observed(ingest_rt, others)
    owned = await take(ingest_rt.db, Login, row.id, "owner")
    assert isinstance(owned, Lease)
    over = asyncio.Event()
    work = asyncio.create_task(owned.during(over.wait()))
    db_clock.set(jump)
    for _ in range(30):
        assert await take(ingest_rt.db, Login, row.id, "another", others) is None
        async with ingest_rt.db.transaction() as db:
            await leases.check(db, Login, row.id, owned.epoch)
        await asyncio.sleep(0.1)
    over.set()
    await work
    assert await take(ingest_rt.db, Login, row.id, "another", others), "given back, it is free at once"


async def test_a_living_owner_keeps_it_from_who_starts_after_the_jump(
    ingest_rt: Runtime, db_clock: DatabaseClock, row: Login
) -> None:
    """A process that began once the clock had jumped never saw it jump; the deadline looks long over."""
    owned = await take(ingest_rt.db, Login, row.id, "owner")
    assert owned
    db_clock.set(timedelta(hours=1))
    late = EvenClock()
    for _ in range(3):
        async with ingest_rt.db.transaction() as db:
            assert row.id in await login_steps.waiting(db)
        assert await take(ingest_rt.db, Login, row.id, "another", late) is None
        await asyncio.sleep(0.1)
    await owned.during(asyncio.sleep(0))
    assert await take(ingest_rt.db, Login, row.id, "another", late), "given back, it is free at once"


@pytest.mark.parametrize("jump", JUMPS, ids=str)
async def test_a_dead_owners_is_free_after_a_lease(
    ingest_rt: Runtime, db_clock: DatabaseClock, row: Login, jump: timedelta, monkeypatch
) -> None:
    """However far off its deadline looks: after a lease's length by our own clock, and not before."""
    monkeypatch.setattr(
        leasing, "LEASE_SECONDS", 2
    )  # of waiting; the deadlines in the table stay as they are
    others = EvenClock()
    await observed(ingest_rt, others)
    assert await take(ingest_rt.db, Login, row.id, "dies")
    db_clock.set(jump)
    assert await take(ingest_rt.db, Login, row.id, "heir", others) is None
    assert await observed(ingest_rt, others) is Trust.none
    taken = await eventually(lambda: take(ingest_rt.db, Login, row.id, "heir", others), LEASE_SECONDS)
    assert taken and taken.epoch == 2
    async with ingest_rt.db.transaction() as db:
        assert row.id not in await login_steps.waiting(db)


async def test_a_slow_answer_is_no_jump(
    ingest_rt: Runtime, db_clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What took long to come says less about the clock, and nothing wrong."""
    monkeypatch.setattr(leasing, "LEASE_SECONDS", 1)
    clock = EvenClock()
    assert await observed(ingest_rt, clock) is Trust.none, "it has only just begun to look"
    await asyncio.sleep(1)
    for seconds in (0.0, 1.5, 0.0):
        async with ingest_rt.db.transaction() as db:
            real = leases.clock

            async def slow(db, seconds=seconds, real=real):
                await asyncio.sleep(seconds / 2)
                shown = await real(db)
                await asyncio.sleep(seconds / 2)
                return shown

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(leases, "clock", slow)
                assert await clock.trust(db) is Trust.long
