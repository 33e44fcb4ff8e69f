"""Gauges that have to be measured: channels still to be read, posts still to be indexed."""

from tg_assistant.core.administration import statistics
from tg_assistant.core.group import tenants
from tg_assistant.infra import metrics
from tg_assistant.infra.runtime import Runtime

SECONDS = 15.0  # between two measurements


async def measure(rt: Runtime) -> None:
    """Set the gauges to the sums over all tenants, one by one, because a transaction sees only one tenant."""
    async with rt.db.transaction() as db:
        everybody = await tenants.ids(db)
    unread = unindexed = 0
    for tenant_id in everybody:
        async with rt.db.transaction(tenant_id) as db:
            left = await statistics.backlog(db, tenant_id)
        unread += left.channels
        unindexed += left.posts
    metrics.backfill_pending.set(unread)
    metrics.index_lag_posts.set(unindexed)
