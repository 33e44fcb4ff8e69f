"""Activity in the admin's group: the audit trail and statistics."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from tg_assistant.api.deps import Call
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core import audit
from tg_assistant.core.administration import statistics

router = APIRouter(tags=["admin: activity"])


class AuditOut(BaseModel):
    id: UUID
    at: datetime
    user_id: UUID | None = Field(description="who did it; null: the product or the command line")
    action: str = Field(examples=["member.change"])
    subject: str
    detail: dict[str, Any]


class AuditFilter(BaseModel):
    action: str | None = Field(default=None, max_length=60, description="a whole action or its beginning")
    user_id: UUID | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: Limit = 50
    cursor: Cursor = None


class StatisticsOut(BaseModel):
    """`week`: the last seven days; `day`: the last 24 hours."""

    members: int
    members_active_week: int
    members_disabled: int
    members_by_plan: dict[str, int]
    accounts_connected: int
    channels: int
    posts: int
    posts_indexed: int
    questions_day: int
    questions_week: int
    questions_by_door_week: dict[str, int]
    abstained_share: float | None = Field(description="of the answers of the week; null without any")
    median_milliseconds: int | None
    tasks_open: int = Field(description="work that waits for a Telegram account")
    jobs_waiting: int
    jobs_held: int


@router.get("/audit")
async def list_audit(call: Call, wanted: Annotated[AuditFilter, Query()]) -> PageOut[AuditOut]:
    """Who did what in the group, the newest first."""
    given: dict[str, Any] = wanted.model_dump()
    async with call.open() as (db, actor):
        page = await audit.list_(db, actor, **given)
    items = [AuditOut.model_validate(line, from_attributes=True) for line in page.items]
    return PageOut(items=items, next_cursor=page.next_cursor)


@router.get("/stats")
async def stats(call: Call) -> StatisticsOut:
    """The group in numbers."""
    async with call.open() as (db, actor):
        return StatisticsOut(**asdict(await statistics.of(db, actor)))
