"""SQL access to the job queue's table: waiting and held jobs by tenant; `jobs` runs them."""

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
    """A job. `status` is "waiting", "running" or "held": after its last try, until an admin decides."""

    id: int
    name: str
    status: str
    attempts: int
    created_at: datetime
    updated_at: datetime


def of_tenant(tenant_id: UUID, status: str | None = None) -> Any:
    """Return a query of the tenant's jobs, without payloads; `status` as in `QueuedJob`, None for all."""
    states = [state for state, said in _STATES.items() if status in (None, said)]
    whose = sql_cast(func.convert_from(_JOBS.c.payload, "UTF8"), JSONB)["tenant_id"].astext
    shown = [_JOBS.c[name] for name in ("id", "entrypoint", "status", "attempts", "created", "updated")]
    state = sql_cast(_JOBS.c.status, String)
    return select(*shown).where(whose == str(tenant_id), state.in_(states))


def shown(row: Any) -> QueuedJob:
    """Convert a row of `of_tenant`."""
    return QueuedJob(row.id, row.entrypoint, _STATES[row.status], row.attempts, row.created, row.updated)


async def requeue(db: AsyncSession, job_id: int) -> bool:
    """Requeue a held job of the transaction's tenant with all its tries; return False if there is none."""
    return await _decide(db, job_id, again=True)


async def drop(db: AsyncSession, job_id: int) -> bool:
    """Delete a held job of the transaction's tenant; return False if there is none."""
    return await _decide(db, job_id, again=False)


async def _decide(db: AsyncSession, job_id: int, *, again: bool) -> bool:
    """Decide through a function of migration 0012: web and bot have no rights on the table."""
    decided = await run_text(db, text("SELECT decide_held_job(:job, :again)"), job=job_id, again=again)
    return bool(decided.scalar_one())
