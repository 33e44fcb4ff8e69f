"""The group's jobs as its admins see them: listing them, and retrying or dropping held ones."""

from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, pagination
from tg_assistant.core.actor import Actor
from tg_assistant.core.pagination import Order, Page
from tg_assistant.errors import Invalid, NotFound
from tg_assistant.infra.postgres import job_table
from tg_assistant.infra.postgres.job_table import QueuedJob
from tg_assistant.models import Role

STATES = ("waiting", "running", "held")


async def list_(
    db: AsyncSession,
    actor: Actor,
    *,
    status: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[QueuedJob]:
    """Return the group's jobs, the newest first: names and states, never their payloads. Admins only.

    Raises Invalid for an unknown `status` and for a cursor that was never issued.
    """
    actor.require(Role.admin)
    if status not in (None, *STATES):
        raise Invalid("jobs.status")
    order = Order[Any](job_table.CREATED, job_table.ID, lambda row: (row.created, row.id), _job_id)
    query = job_table.of_tenant(actor.tenant, status)
    found = await pagination.page(db, query, order, limit=limit, cursor=cursor)
    return Page([job_table.shown(row) for row in found.items], found.next_cursor)


def _job_id(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError("no id of a job")
    return number


async def requeue(db: AsyncSession, actor: Actor, job_id: int) -> None:
    """Retry a held job from the start. Admins only. Raises NotFound for any other job."""
    await _decide(db, actor, job_id, "job.requeue")


async def drop(db: AsyncSession, actor: Actor, job_id: int) -> None:
    """Delete a held job. Admins only. Raises NotFound for any other job."""
    await _decide(db, actor, job_id, "job.drop")


async def _decide(db: AsyncSession, actor: Actor, job_id: int, action: str) -> None:
    actor.require(Role.admin)
    change = job_table.requeue if action == "job.requeue" else job_table.drop
    if not 0 < job_id < 2**63 or not await change(db, job_id):
        raise NotFound("jobs.not_found")
    await audit.record(db, actor, action, job_id)
