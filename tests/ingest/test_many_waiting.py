"""A start with many accounts: ingest says that it is at work while it still takes them."""

import asyncio

import pytest
from sqlmodel import col, func, select

from ingest import supervisor
from ingest.supervisor import Supervisor
from tests.ingest.connecting import eventually
from tg_assistant.core.accounts import accounts
from tg_assistant.core.actor import Actor
from tg_assistant.core.names import Topic
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account

MANY = 8


async def test_ingest_is_heard_of_before_the_last_account_is_taken(
    ingest_rt: Runtime, anna: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taking is slow on purpose (the process with fewer accounts goes first); it is no silence."""
    async with ingest_rt.db.transaction(anna.tenant) as db:
        for number in range(MANY):
            own = {"tenant_id": anna.tenant, "user_id": anna.user_id}
            db.add(Account(telegram_id=900 + number, sealed_session=b"x", **own))
    taken: list[int] = []
    heard: list[int] = []

    async def serve(*_: object) -> None:
        taken.append(len(taken) + 1)
        await asyncio.Event().wait()

    async def noted(_: object) -> None:
        heard.append(len(taken))

    monkeypatch.setattr(supervisor, "_SPREAD_SECONDS", 0.1)
    monkeypatch.setattr(supervisor, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(supervisor.health, "ingest_is_at_work", noted)
    mine = Supervisor(ingest_rt)
    # of accounts alone: the look for attempts, which has nothing to take, would be heard, too
    looking = asyncio.create_task(mine._lease(Account, Topic.account, accounts.waiting, serve))
    try:
        assert await eventually(lambda: all_taken(ingest_rt), 60)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await mine._stop()
    assert len([count for count in heard if 0 < count < MANY]) > 1


async def all_taken(rt: Runtime) -> bool:
    async with rt.db.transaction() as db:
        owned = select(func.count()).where(col(Account.lease_owner).is_not(None))
        return (await db.exec(owned)).one() == MANY
