"""Works the job queue, and sweeps for work whose job or task was lost."""

import asyncio
from uuid import UUID

import structlog

from ingest import gauges
from tg_assistant.core.access import sign_in
from tg_assistant.core.channels import backfill
from tg_assistant.core.group import tenants
from tg_assistant.core.names import Job
from tg_assistant.core.privacy import erasure, purging, retention
from tg_assistant.core.retrieval import indexing
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.postgres.jobs import Handler, Payload
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
SWEEP_SECONDS = 30.0
REBUILD_SECONDS = 300.0
RETENTION_SECONDS = 600.0  # how often it is asked whose day is over


async def run(rt: Runtime) -> None:
    """Run jobs until cancelled; one in hand is finished or put back."""

    async def index(payload: Payload) -> None:
        await indexing.take_turn(rt, UUID(payload["tenant_id"]))

    async def purge_channel(payload: Payload) -> None:
        await purging.purge_channel(rt, UUID(payload["tenant_id"]), UUID(payload["channel_id"]))

    async def forget_tenant(payload: Payload) -> None:
        await erasure.forget_tenant(rt, UUID(payload["tenant_id"]))

    handlers: dict[str, Handler] = {
        Job.indexing: index,
        Job.purge_channel: purge_channel,
        Job.forget_tenant: forget_tenant,
    }
    beside = [
        asyncio.create_task(_sweep_for_ever(rt), name="sweep"),
        asyncio.create_task(_rebuild_for_ever(rt), name="rebuild"),
        asyncio.create_task(_retain_for_ever(rt), name="retention"),
        asyncio.create_task(gauges.run(rt), name="gauges"),
    ]
    try:
        await jobs.run_worker(rt.db.url, handlers)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def sweep(rt: Runtime) -> None:
    """Give every tenant's dirty posts a job, its channels their tasks, and what nobody follows an end."""
    async with rt.db.transaction() as db:
        everybody = await tenants.ids(db)
        await sign_in.forget_used(db, rt.clock)
    for tenant_id in everybody:
        async with rt.db.transaction(tenant_id) as db:
            await indexing.request(db, tenant_id)
            await backfill.plan_all(db, tenant_id)
            await purging.plan(db, tenant_id)


async def _sweep_for_ever(rt: Runtime) -> None:
    while True:
        try:
            await sweep(rt)
        except Exception:  # PostgreSQL may be away for a while; the next round does what this one could not
            log.exception("sweep.failed")
        await asyncio.sleep(SWEEP_SECONDS)


async def _rebuild_for_ever(rt: Runtime) -> None:
    """A Chroma that was wiped or restored from an old copy, or another embedding model: made whole again."""
    while True:
        try:
            await indexing.rebuild_if_needed(rt)
        except Unavailable:
            await asyncio.sleep(SWEEP_SECONDS)  # Chroma or PostgreSQL is away; soon again
            continue
        except Exception:  # the index is only a projection: whatever is wrong with it must not stop the jobs
            log.exception("rebuild.failed")
        await asyncio.sleep(REBUILD_SECONDS)


async def _retain_for_ever(rt: Runtime) -> None:
    """What is older than its group keeps it goes once a day, whichever process comes first."""
    while True:
        try:
            await retention.run_due(rt)
        except Exception:  # PostgreSQL may be away, or a group's rows locked for long; the next round is soon
            log.exception("retention.failed")
        await asyncio.sleep(RETENTION_SECONDS)
