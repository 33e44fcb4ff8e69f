"""Sessions of the members of the admin's group: listing and ending them."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from tg_assistant.api import limits
from tg_assistant.api.deps import Call
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.access import sessions
from tg_assistant.core.access.rate_limits import Rule

router = APIRouter(prefix="/sessions", tags=["admin: sessions"])


class MemberSessionOut(BaseModel):
    id: UUID
    user_id: UUID
    telegram_id: int
    name: str
    door: str
    device: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@router.get("")
async def list_member_sessions(
    call: Call, user_id: UUID | None = None, limit: Limit = 50, cursor: Cursor = None
) -> PageOut[MemberSessionOut]:
    """Live sessions of the group's members (of one of them), last seen first."""
    async with call.open() as (db, actor):
        page = await sessions.list_for_tenant(db, actor, user_id=user_id, limit=limit, cursor=cursor)
    return PageOut(items=[_session(one) for one in page.items], next_cursor=page.next_cursor)


@router.delete("/{session_id}", status_code=204, dependencies=[limits.by_user(Rule.admin)])
async def end_member_session(call: Call, session_id: UUID) -> None:
    """Sign a member out on one device, at once."""
    async with call.open() as (db, actor):
        await sessions.end_for_member(db, actor, session_id)


def _session(one: sessions.MemberSession) -> MemberSessionOut:
    session, user = one.session, one.user
    return MemberSessionOut(
        **session.model_dump(include=set(MemberSessionOut.model_fields)),
        telegram_id=user.telegram_id,
        name=f"{user.first_name} {user.last_name}".strip(),
    )
