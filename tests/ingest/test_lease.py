"""The fence: work stops before its lease is over, whether it was taken away or could not be renewed."""

import asyncio
import time

import pytest
from sqlalchemy import update

from ingest.lease import Lease, take
from tg_assistant.core.accounts import logins
from tg_assistant.core.accounts.leases import LEASE_SECONDS, LeaseLost
from tg_assistant.core.actor import Actor
from tg_assistant.infra.postgres.db import Database
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login


@pytest.fixture
async def lease(ingest_rt: Runtime, anna: Actor) -> Lease:
    async with ingest_rt.db.transaction(anna.tenant) as db:
        started = await logins.start(db, anna)
    taken = await take(ingest_rt.db, Login, started.login.id, "first")
    assert taken is not None
    return taken


async def work_until_stopped(stopped: list[float]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        stopped.append(time.monotonic())


async def test_renewing_keeps_it_and_the_end_gives_it_back(ingest_rt: Runtime, lease: Lease) -> None:
    """Work longer than a lease goes on; afterwards the row is free at once and nothing may be sent."""
    await lease.during(asyncio.sleep(LEASE_SECONDS + 2))
    assert lease.left() == 0
    async with ingest_rt.db.transaction() as db:
        login = await db.get_one(Login, lease._row_id)
    assert login.lease_until is None


async def test_a_lease_taken_away_stops_the_work(ingest_rt: Runtime, lease: Lease) -> None:
    """Another epoch stands in the row: the next renewal notices."""
    stopped: list[float] = []
    async with ingest_rt.db.transaction() as db:
        await db.exec(update(Login).values(lease_epoch=Login.lease_epoch + 1))
    with pytest.raises(LeaseLost):
        await lease.during(work_until_stopped(stopped))
    assert stopped
    assert lease.left() == 0


async def test_cut_off_from_the_database_the_work_stops_in_time(lease: Lease) -> None:
    """No renewal gets through: the work is over, with a margin, before anybody else may take the row."""
    stopped: list[float] = []
    began = time.monotonic()
    lease._db = Database("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(LeaseLost):
        await lease.during(work_until_stopped(stopped))
    assert stopped[0] - began < LEASE_SECONDS
