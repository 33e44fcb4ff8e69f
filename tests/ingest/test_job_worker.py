"""The worker beside its queue: what was lost in Chroma comes back without anybody asking."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from ingest import job_worker
from tests.corpus import a_channel, a_reader, a_tenant
from tests.ingest.connecting import eventually
from tests.people import member
from tests.servers import settings_for
from tg_assistant.core.privacy import erasure
from tg_assistant.core.retrieval import indexing
from tg_assistant.infra.vectors import Space
from tg_assistant.models import Question, Role, SeenInitData


@pytest.fixture(scope="module")
def settings(database, chroma_url, model_dir):
    """The worker's role, which looks after every tenant."""
    return settings_for(database, chroma_url, model_dir, role="worker")


async def test_a_wiped_chroma_is_made_whole_by_a_starting_worker(rt):
    """Answers by meaning return after Chroma lost its data, from PostgreSQL alone."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, ["Паром отходит в полночь.", "The museum is closed on Mondays."])
    await a_reader(rt, tenant, 9_301, [channel.id])
    await indexing.index_dirty(rt, tenant.id)
    space = Space(tenant.id, rt.embedder.model)
    there = await rt.vectors.count(space)
    await rt.vectors.drop(tenant.id)
    working = asyncio.create_task(job_worker.run(rt))
    try:

        async def whole() -> bool:
            return await rt.vectors.count(space) == there > 0

        assert await eventually(whole)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_sweeping_forgets_init_data_too_old_to_be_used(rt):
    """The table of single use does not grow for ever, and still knows what could be replayed."""
    now = datetime.now(UTC)
    async with rt.db.transaction() as db:
        db.add(SeenInitData(digest=b"old", expires_at=now - timedelta(days=2)))
        db.add(SeenInitData(digest=b"new", expires_at=now - timedelta(minutes=1)))
    await job_worker.sweep(rt)
    async with rt.db.transaction() as db:
        assert list(await db.exec(select(SeenInitData.digest))) == [b"new"]


async def test_a_working_worker_deletes_what_is_too_old_and_what_a_deleted_group_left(rt):
    """Each group's old rows go without being asked for, and so does the index of a group that is gone."""
    here, gone = await a_tenant(rt), await a_tenant(rt)
    channel = await a_channel(rt, gone, ["The museum is closed on Mondays."])
    reader = await a_reader(rt, here, 9_302)
    async with rt.db.transaction() as db:
        owner = await member(db, gone, 9_303, Role.owner)
        old = datetime.now(UTC) - timedelta(days=91)
    async with rt.db.transaction(here.id) as db:
        db.add(Question(tenant_id=here.id, user_id=reader.user_id, question="?", door="bot", created_at=old))
    await indexing.index_dirty(rt, gone.id)
    space = Space(gone.id, rt.embedder.model)
    assert await rt.vectors.count(space) == 1 and channel.id
    assert (await erasure.erase(rt, owner)).group
    working = asyncio.create_task(job_worker.run(rt))
    try:

        async def clean() -> bool:
            async with rt.db.transaction(here.id) as db:
                asked = (await db.exec(select(Question).where(Question.tenant_id == here.id))).first()
            return asked is None and await rt.vectors.count(space) == 0

        await eventually(clean)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
