"""Members of the admin's group: search, role, plan and access."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tg_assistant.api import limits, problems
from tg_assistant.api.deps import Call
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.group import members
from tg_assistant.core.group.members import Member
from tg_assistant.models import Role

router = APIRouter(prefix="/users", tags=["admin: people"])


class MemberOut(BaseModel):
    id: UUID
    telegram_id: int
    first_name: str
    last_name: str
    username: str | None
    language: str
    role: str
    plan: str
    plan_expires_at: datetime | None
    disabled: bool
    version: int = Field(description="give it back with a change")
    joined_at: datetime
    last_seen_at: datetime | None


class MemberChangeIn(BaseModel):
    """Only the fields given are changed."""

    model_config = ConfigDict(extra="forbid")

    version: int = Field(ge=1, lt=2**31, description="the one you have seen", examples=[1])
    role: Role = Role.user
    plan: str = Field(default="free", max_length=40, examples=["plus"])
    plan_expires_at: datetime | None = Field(default=None, description="then the free plan holds")
    disabled: bool = False


class MemberFilter(BaseModel):
    search: str = Field(default="", max_length=100, description="name, @name or Telegram id")
    role: Role | None = None
    plan: str | None = Field(default=None, max_length=40)
    disabled: bool | None = None
    limit: Limit = 50
    cursor: Cursor = None


@router.get("")
async def list_members(call: Call, wanted: Annotated[MemberFilter, Query()]) -> PageOut[MemberOut]:
    """The group's members, who joined last first."""
    given: dict[str, Any] = wanted.model_dump()
    async with call.open() as (db, actor):
        page = await members.list_(db, actor, **given)
    return PageOut(items=[_member(one) for one in page.items], next_cursor=page.next_cursor)


@router.get("/{user_id}")
async def get_member(call: Call, user_id: UUID) -> MemberOut:
    """One member of the group."""
    async with call.open() as (db, actor):
        return _member(await members.get(db, actor, user_id))


@router.patch(
    "/{user_id}",
    responses=problems.may(409, s409="changed by somebody else meanwhile: load it again"),
    dependencies=[limits.by_user(Rule.admin)],
)
async def change_member(call: Call, user_id: UUID, body: MemberChangeIn) -> MemberOut:
    """Change role, plan or access; it holds from the person's next request on."""
    given: dict[str, Any] = body.model_dump(exclude_unset=True)
    async with call.open() as (db, actor):
        return _member(await members.change(db, actor, user_id, **given))


def _member(member: Member) -> MemberOut:
    user, membership = member.user, member.membership
    own = {"id", "telegram_id", "first_name", "last_name", "username", "language", "last_seen_at"}
    rights = {"role", "plan", "plan_expires_at", "disabled", "version"}
    return MemberOut(
        **user.model_dump(include=own),
        **membership.model_dump(include=rights),
        joined_at=membership.created_at,
    )
