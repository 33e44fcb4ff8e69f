"""The job queue's table as SQL sees it: what waits or is held, whose it is; `jobs` works it."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary, String, column, func, select, table, text
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.infra.postgres.db import run_text

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


async def requeue(db: AsyncSession, job_id: int) -> bool:
    """Give a held job of the transaction's tenant all its tries again; False where there is none."""
    return await _decide(db, job_id, again=True)


async def drop(db: AsyncSession, job_id: int) -> bool:
    """Give a held job of the transaction's tenant up; False where there is none."""
    return await _decide(db, job_id, again=False)


async def _decide(db: AsyncSession, job_id: int, *, again: bool) -> bool:
    """By a function of migration 0012: the table itself is closed to web and bot."""
    decided = await run_text(db, text("SELECT decide_held_job(:job, :again)"), job=job_id, again=again)
    return bool(decided.scalar_one())
