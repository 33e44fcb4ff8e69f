"""Making Chroma contain what PostgreSQL says, after it was wiped or restored, and for another model."""

from collections.abc import Sequence
from uuid import UUID

import structlog
from sqlmodel import col, select

from tg_assistant.core.group import tenants
from tg_assistant.core.retrieval import indexing, vector_cache
from tg_assistant.infra.runtime import Runtime
from tg_assistant.infra.vectors import Space
from tg_assistant.models import Chunk

log = structlog.get_logger()


async def rebuild_if_needed(rt: Runtime) -> int:
    """Make Chroma contain exactly the chunks in PostgreSQL, for every tenant; return how many were restored.

    Needed after Chroma was wiped or restored from an old copy, and for another embedding model. Raises
    `Unavailable`.
    """
    async with rt.db.transaction() as db:
        everybody = await tenants.ids(db)
    missing = {tenant_id: await _missing(rt, tenant_id) for tenant_id in everybody}
    put_back = 0
    while missing := {tenant_id: ids for tenant_id, ids in missing.items() if ids}:
        for tenant_id, ids in missing.items():  # in turn, so that small tenants are complete first
            batch, missing[tenant_id] = ids[: indexing.BATCH], ids[indexing.BATCH :]
            async with indexing.alone(rt, tenant_id):
                put_back += await _put_back(rt, Space(tenant_id, rt.embedder.model), batch)
    return put_back


async def _missing(rt: Runtime, tenant_id: UUID) -> list[UUID]:
    """Return the ids of the chunks that Chroma lacks, and delete those it should not have."""
    space = Space(tenant_id, rt.embedder.model)
    async with indexing.alone(rt, tenant_id):
        async with rt.db.transaction(tenant_id) as db:
            query = select(Chunk.id).where(Chunk.tenant_id == tenant_id)
            wanted = set(await db.exec(query))
        there = await rt.vectors.ids(space)
        await rt.vectors.delete_ids(space, list(there - wanted))
    if there != wanted:
        log.info("index.rebuilding", missing=len(wanted - there), removed=len(there - wanted))
    return list(wanted - there)


async def _put_back(rt: Runtime, space: Space, ids: Sequence[UUID]) -> int:
    """Store those of the chunks that still exist after concurrent changes of posts; return how many."""
    async with rt.db.transaction(space.tenant_id) as db:
        query = select(Chunk).where(Chunk.tenant_id == space.tenant_id, col(Chunk.id).in_(ids))
        found = list(await db.exec(query))
    if found:
        vectors = await vector_cache.passages(rt, [chunk.text for chunk in found], background=True)
        await rt.vectors.upsert(
            space, [chunk.id for chunk in found], vectors, [chunk.channel_id for chunk in found]
        )
    return len(found)
