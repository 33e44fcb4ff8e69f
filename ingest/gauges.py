"""Numbers nobody counts on the way: how much is still to be read and to be indexed."""

import asyncio
from typing import NoReturn

import structlog
from sqlmodel import col, func, select

from tg_assistant.infra import metrics
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, Post, Tenant

log = structlog.get_logger()
SECONDS = 15.0


async def run(rt: Runtime) -> NoReturn:
    """Measure until cancelled."""
    while True:
        try:
            await measure(rt)
        except Exception:  # PostgreSQL may be away for a while; the numbers stay as they were
            log.warning("gauges.failed", exc_info=True)
        await asyncio.sleep(SECONDS)


async def measure(rt: Runtime) -> None:
    """Over all tenants, one after the other: a transaction sees one tenant only."""
    async with rt.db.transaction() as db:
        tenants = list(await db.exec(select(Tenant.id)))
    unread = unindexed = 0
    for tenant_id in tenants:
        channels = select(func.count()).where(
            Channel.tenant_id == tenant_id, col(Channel.backfill_done_at).is_(None)
        )
        posts = select(func.count()).where(
            Post.tenant_id == tenant_id,
            col(Post.indexed_generation) == 0,
            col(Post.deleted_at).is_(None),
        )
        async with rt.db.transaction(tenant_id) as db:
            unread += (await db.exec(channels)).one()
            unindexed += (await db.exec(posts)).one()
    metrics.backfill_pending.set(unread)
    metrics.index_lag_posts.set(unindexed)
