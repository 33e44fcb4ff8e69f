"""The job queue (PGQueuer on PostgreSQL): a job is enqueued in the transaction that makes it necessary."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import structlog
from pgqueuer import (
    DatabaseRetryEntrypointExecutor,
    Job,
    PsycopgDriver,
    Queries,
    QueueManager,
    RetryRequested,
)
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.domain.types import QueueExecutionMode
from pgqueuer.executors import EntrypointExecutorParameters
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.errors import Unavailable
from tg_assistant.infra import metrics
from tg_assistant.infra.postgres.db import run_text

log = structlog.get_logger()
Payload = dict[str, Any]
Handler = Callable[[Payload], Awaitable[None]]
_HEARTBEAT = timedelta(seconds=20)  # a killed worker's jobs are picked up again after this
_DEQUEUE = timedelta(seconds=10)  # polling interval, in case a notification is lost
_STOP_SECONDS = 8.0
_AWAY_SECONDS = 10.0
_RETRIES = 4  # after the first try
_FIRST_RETRY = 1.0  # seconds; doubles each time


def install_sql() -> str:
    """Return the SQL that installs PGQueuer; several statements, for `exec_driver_sql` in a migration."""
    return QueryBuilderEnvironment().build_install_query()


def uninstall_sql() -> str:
    """Return the SQL that reverts `install_sql`."""
    return QueryBuilderEnvironment().build_uninstall_query()


async def enqueue(db: AsyncSession, name: str, payload: Payload, *, delay: float = 0) -> None:
    """Add a job in this transaction, to be run `delay` seconds later, after commit. For ingest only.

    PGQueuer's driver refuses a connection in a transaction, so its SQL runs on the session's connection here.
    """
    raw = await (await db.connection()).get_raw_connection()
    body = json.dumps(payload, sort_keys=True).encode()
    assert isinstance(raw.driver_connection, psycopg.AsyncConnection)
    cursor = psycopg.AsyncRawCursor(raw.driver_connection)
    await cursor.execute(
        QueryQueueBuilder().build_enqueue_query().encode(),
        [[0], [name], [body], [timedelta(seconds=delay)], [None], ["{}"]],
    )


async def ask(db: AsyncSession, name: str, tenant_id: UUID, channel_id: UUID | None = None) -> None:
    """Enqueue a job from web and bot: one of those they may request, for the transaction's own tenant.

    A function of migration 0012 adds it, because they have no rights on the table.
    """
    asked = text("SELECT ask_for_job(:name, :tenant, :channel)")
    await run_text(db, asked, name=name, tenant=tenant_id, channel=channel_id)


async def waiting(db: AsyncSession, name: str, about: str) -> bool:
    """Return whether a job `name` whose payload contains `about` is queued or running."""
    query = text(
        "SELECT EXISTS (SELECT FROM pgqueuer WHERE entrypoint = :n AND status IN ('queued', 'picked')"
        " AND position(convert_to(:a, 'UTF8') IN payload) > 0)"
    )
    found = await run_text(db, query, n=name, a=about)
    return bool(found.scalar_one())


async def drop_queued(db: AsyncSession, name: str, payload: Payload) -> int:
    """Delete queued jobs with exactly this payload, because the caller does the work now; return how many."""
    query = text("DELETE FROM pgqueuer WHERE entrypoint = :n AND status = 'queued' AND payload = :p")
    body = json.dumps(payload, sort_keys=True).encode()
    gone = await run_text(db, query, n=name, p=body)
    return gone.rowcount


async def forget_about(db: AsyncSession, about: str, *, besides: str) -> int:
    """Delete jobs, held ones too, whose payload contains `about`; return how many.

    Running jobs, and those named `besides`, stay.
    """
    query = text(
        "DELETE FROM pgqueuer WHERE entrypoint <> :b AND status <> 'picked'"
        " AND position(convert_to(:a, 'UTF8') IN payload) > 0"
    )
    return (await run_text(db, query, b=besides, a=about)).rowcount


async def longest_wait(db: AsyncSession) -> float:
    """Return for how many seconds the longest waiting job has been due; 0 when none waits."""
    query = text(
        "SELECT coalesce(extract(epoch FROM now() - min(execute_after)), 0)"
        " FROM pgqueuer WHERE status = 'queued' AND execute_after < now()"
    )
    return float((await run_text(db, query)).scalar_one())


async def forget_old(db: AsyncSession, days: int = 7) -> None:
    """Delete entries older than `days` from the queue's own log of finished jobs."""
    query = text("DELETE FROM pgqueuer_log WHERE created < now() - make_interval(days => :d)")
    await run_text(db, query, d=days)


class _TwoConnections(PsycopgDriver):
    """A driver that listens on one connection and queries on another.

    The stock driver shares one, and psycopg holds its lock while waiting for a notification, which delays
    each query by up to a second.
    """

    def __init__(self, listening: psycopg.AsyncConnection, working: psycopg.AsyncConnection) -> None:
        super().__init__(listening)
        self._working = PsycopgDriver(working)

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        return await self._working.fetch(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        return await self._working.execute(query, *args)


async def run_worker(url: str, handlers: Mapping[str, Handler], *, drain: bool = False) -> None:
    """Run jobs until cancelled, or with `drain` until the queue is empty. Reconnects to PostgreSQL.

    A job that raises is retried (after 1 s, 2 s, 4 s …) and held after its fifth try, without blocking
    others. One that raises Unavailable is retried every 10 s without limit.
    """
    while True:
        try:
            await _work(url, handlers, drain)
        except (psycopg.Error, OSError) as error:
            log.warning("jobs.reconnecting", error=type(error).__name__)
            await asyncio.sleep(1)
        else:
            return


async def _work(url: str, handlers: Mapping[str, Handler], drain: bool) -> None:
    connect = partial(psycopg.AsyncConnection.connect, url, autocommit=True)
    async with await connect() as listening, await connect() as working:
        queue = QueueManager(Queries(_TwoConnections(listening, working)))
        for name, handler in handlers.items():
            register = queue.entrypoint(
                name, concurrency_limit=1, on_failure="hold", executor_factory=_retrying
            )
            register(partial(_perform, name, handler))
        mode = QueueExecutionMode.drain if drain else QueueExecutionMode.continuous
        running = asyncio.create_task(
            queue.run(dequeue_timeout=_DEQUEUE, heartbeat_timeout=_HEARTBEAT, mode=mode)
        )
        try:
            await asyncio.shield(running)
        finally:
            queue.shutdown.set()
            await _stopped(running)


def _retrying(parameters: EntrypointExecutorParameters) -> DatabaseRetryEntrypointExecutor:
    first = timedelta(seconds=_FIRST_RETRY)
    return DatabaseRetryEntrypointExecutor(parameters, max_attempts=_RETRIES, initial_delay=first)


async def _stopped(running: asyncio.Task[None]) -> None:
    """Let running jobs finish; those that do not within 8 s are put back. Waits for at most 16 s."""
    done, _ = await asyncio.wait([running], timeout=_STOP_SECONDS)
    if not done:
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=_STOP_SECONDS)
    if not done:
        log.error("jobs.stuck")  # its connections are closed next, and its jobs go to the next worker
    elif not running.cancelled() and (error := running.exception()) is not None:
        log.warning("jobs.stopped", error=type(error).__name__)


async def _perform(name: str, handler: Handler, job: Job) -> None:
    outcome = "failed"
    try:
        await handler(json.loads(job.payload or b"{}"))
        outcome = "done"
    except asyncio.CancelledError:
        outcome = "interrupted"
        # PGQueuer would delete a job cancelled by a shutdown; it has to be done by the next worker instead
        raise RetryRequested(delay=timedelta(0), reason="shutdown") from None
    except Unavailable as error:
        outcome = "postponed"
        # a service is unavailable, which the job has not caused, so it is retried until that is back
        log.warning("job.postponed", job=name, attempts=job.attempts, error=error.code)
        raise RetryRequested(delay=timedelta(seconds=_AWAY_SECONDS), reason=error.code) from error
    except Exception as error:  # re-raised for PGQueuer; the message stays out of the log
        log.warning("job.failed", job=name, attempts=job.attempts, error=type(error).__name__)
        raise
    finally:
        metrics.jobs_total.labels(name, outcome).inc()
