"""The job queue's table as SQL sees it: what waits or is held, whose it is; `jobs` works it."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String, column, func, select, table, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel.ext.asyncio.session import AsyncSession

_JOBS = table(
    "pgqueuer",
    column("id", BigInteger),
    column("entrypoint", String),
    column("status", String),
    column("attempts", Integer),
    column("created", DateTime(timezone=True)),
    column("updated", DateTime(timezone=True)),
    column("payload", LargeBinary),
)
CREATED, ID = _JOBS.c.created, _JOBS.c.id
_STATES = {"queued": "waiting", "picked": "running", "failed": "held"}


class QueuedJob(NamedTuple):
    """`status` is waiting, running or held: held after its last try, until a person decides."""

    id: int
    name: str
    status: str
    attempts: int
    created_at: datetime
    updated_at: datetime


def of_tenant(tenant_id: UUID, status: str | None = None) -> Any:
    """A query of the jobs that name the tenant, without what else they carry."""
    states = [state for state, said in _STATES.items() if status in (None, said)]
    whose = sql_cast(func.convert_from(_JOBS.c.payload, "UTF8"), JSONB)["tenant_id"].astext
    shown = [_JOBS.c[name] for name in ("id", "entrypoint", "status", "attempts", "created", "updated")]
    state = sql_cast(_JOBS.c.status, String)
    return select(*shown).where(whose == str(tenant_id), state.in_(states))


def shown(row: Any) -> QueuedJob:
    """A row of `of_tenant` in our words."""
    return QueuedJob(row.id, row.entrypoint, _STATES[row.status], row.attempts, row.created, row.updated)


async def requeue(db: AsyncSession, job_id: int, tenant_id: UUID) -> bool:
    """Give a held job of the tenant all its tries again; False where there is none."""
    return await _change(
        db,
        "UPDATE pgqueuer SET status = 'queued', attempts = 0, execute_after = now(), updated = now(),"
        " queue_manager_id = NULL",
        job_id,
        tenant_id,
    )


async def drop(db: AsyncSession, job_id: int, tenant_id: UUID) -> bool:
    """Give a held job of the tenant up; False where there is none."""
    return await _change(db, "DELETE FROM pgqueuer", job_id, tenant_id)


async def _change(db: AsyncSession, what: str, job_id: int, tenant_id: UUID) -> bool:
    condition = (
        " WHERE id = :id AND status = 'failed'"
        " AND convert_from(payload, 'UTF8')::jsonb ->> 'tenant_id' = :tenant"
    )
    # nosemgrep: sql-from-strings - two constants of this file
    statement = text(what + condition).bindparams(id=job_id, tenant=str(tenant_id))
    return (await db.exec(statement)).rowcount == 1  # type: ignore[call-overload]
