"""Jobs of the admin's group: those waiting, those held, and decisions about the held ones."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call
from tg_assistant.api.http.plain_int import PLAIN
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.administration import job_queue

router = APIRouter(prefix="/jobs", tags=["admin: jobs"])
JobId = Annotated[int, Path(ge=1, lt=2**63), PLAIN]
_CHANGE = [limits.by_user(Rule.admin)]


class JobOut(BaseModel):
    id: int
    name: str
    status: Literal["waiting", "running", "held"] = Field(description="held: after its last try")
    attempts: int
    created_at: datetime
    updated_at: datetime


@router.get("")
async def list_jobs(
    call: Call,
    status: Literal["waiting", "running", "held"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[JobOut]:
    """The group's jobs, the newest first; what they carry is not shown."""
    async with call.open() as (db, actor):
        page = await job_queue.list_(db, actor, status=status, limit=limit, cursor=cursor)
    items = [JobOut.model_validate(job._asdict()) for job in page.items]
    return PageOut(items=items, next_cursor=page.next_cursor)


@router.post("/{job_id}/requeue", status_code=204, dependencies=_CHANGE)
async def requeue_job(call: Call, job_id: JobId) -> None:
    """Try a held job again, with all its tries."""
    async with call.open() as (db, actor):
        await job_queue.requeue(db, actor, job_id)


@router.delete("/{job_id}", status_code=204, dependencies=_CHANGE)
async def drop_job(call: Call, job_id: JobId) -> None:
    """Give a held job up."""
    async with call.open() as (db, actor):
        await job_queue.drop(db, actor, job_id)
