"""Runs the job queue, and sweeps for work whose job or task was lost."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NoReturn
from uuid import UUID

import structlog

from ingest import gauges
from tg_assistant.core.access import sign_in
from tg_assistant.core.channels import backfill
from tg_assistant.core.group import tenants
from tg_assistant.core.names import Job
from tg_assistant.core.privacy import erasure, purging, retention
from tg_assistant.core.retrieval import indexing, rebuilding
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.postgres.jobs import Handler, Payload
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
SWEEP_SECONDS = 30.0
REBUILD_SECONDS = 300.0
RETENTION_SECONDS = 600.0  # between checks which tenants' daily retention is due


async def run(rt: Runtime) -> None:
    """Run jobs until cancelled; one in progress is finished or returned to the queue."""

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
        asyncio.create_task(_every(seconds, name, partial(work, rt)), name=name)
        for name, seconds, work in (
            ("sweep", SWEEP_SECONDS, sweep),
            ("rebuild", REBUILD_SECONDS, rebuilding.rebuild_if_needed),
            ("retention", RETENTION_SECONDS, retention.run_due),
            ("gauges", gauges.SECONDS, gauges.measure),
        )
    ]
    try:
        await jobs.run_worker(rt.db.url, handlers)
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


async def sweep(rt: Runtime) -> None:
    """For every tenant request the indexing of dirty posts, and plan history tasks and purges.

    Also deletes digests of used init data that have expired.
    """
    async with rt.db.transaction() as db:
        everybody = await tenants.ids(db)
        await sign_in.forget_used(db, rt.clock)
    for tenant_id in everybody:
        async with rt.db.transaction(tenant_id) as db:
            await indexing.request(db, tenant_id)
            await backfill.plan_all(db, tenant_id)
            await purging.plan(db, tenant_id)


async def _every(seconds: float, name: str, work: Callable[[], Awaitable[object]]) -> NoReturn:
    """Run `work` at once, and again `seconds` after each end, or sooner if a service was away.

    Loops are used instead of PGQueuer's schedules: docs/adr/0007.
    """
    while True:
        pause = seconds
        try:
            await work()
        except Unavailable:
            pause = min(seconds, SWEEP_SECONDS)
        except Exception:  # a bug in one must stop neither the others nor the jobs
            log.exception(f"{name}.failed")
        await asyncio.sleep(pause)
