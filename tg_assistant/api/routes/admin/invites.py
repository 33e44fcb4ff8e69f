"""Invites of the admin's group: creating, changing and revoking them, and listing their uses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.accounts import qr
from tg_assistant.core.group import invites
from tg_assistant.models import Invite, Role

router = APIRouter(prefix="/invites", tags=["admin: invites"])
Code = Annotated[str, Path(max_length=40, examples=["7KQ2M9XWTB4A"])]
Uses = Annotated[int, Field(ge=0, le=10_000, description="how many may use it; 0 = unlimited")]
Notes = Annotated[str, Field(max_length=500)]
_CHANGE = [limits.by_user(Rule.admin)]


class InviteOut(BaseModel):
    code: str
    tenant_id: UUID
    role: str
    uses_limit: int = Field(description="0 = unlimited")
    uses_count: int
    active: bool
    expires_at: datetime | None
    created_at: datetime
    created_by: UUID | None
    last_used_at: datetime | None
    last_used_by: UUID | None
    notes: str


class InviteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Literal["user", "admin"] = "user"
    uses_limit: Uses = invites.DEFAULT_USES
    expires_at: datetime | None = Field(default=None, examples=["2030-01-31T12:00:00Z"])
    notes: Notes = ""


class InviteChangeIn(BaseModel):
    """Only the fields given are changed; the role of an invite never is."""

    model_config = ConfigDict(extra="forbid")

    uses_limit: Uses = 1
    expires_at: datetime | None = None
    notes: Notes = ""


class UseOut(BaseModel):
    at: datetime
    user_id: UUID | None = Field(description="null for a person deleted since")
    telegram_id: int | None
    name: str | None


@router.post("", status_code=201, dependencies=_CHANGE)
async def create_invite(call: Call, body: InviteIn) -> InviteOut:
    """Make an invite for the admin's own group."""
    async with call.open() as (db, actor):
        made = await invites.create(
            db,
            actor,
            role=Role(body.role),
            uses_limit=body.uses_limit,
            expires_at=body.expires_at,
            notes=body.notes,
        )
        await db.refresh(made)
        return _invite(made)


@router.get("")
async def list_invites(
    call: Call,
    status: Literal["active", "revoked", "expired"] | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[InviteOut]:
    """The group's invites, the newest first."""
    async with call.open() as (db, actor):
        page = await invites.list_(db, actor, status=status, limit=limit, cursor=cursor)
    return PageOut(items=[_invite(one) for one in page.items], next_cursor=page.next_cursor)


@router.get("/{code}")
async def get_invite(call: Call, code: Code) -> InviteOut:
    """One invite."""
    async with call.open() as (db, actor):
        return _invite(await invites.get(db, actor, code))


@router.patch("/{code}", dependencies=_CHANGE)
async def change_invite(call: Call, code: Code, body: InviteChangeIn) -> InviteOut:
    """Change the number of uses, the expiry or the note."""
    async with call.open() as (db, actor):
        return _invite(await invites.change(db, actor, code, **body.model_dump(exclude_unset=True)))


@router.delete("/{code}", status_code=204, dependencies=_CHANGE)
async def delete_invite(call: Call, code: Code) -> None:
    """Remove an invite with the list of its uses; members who joined by it stay."""
    async with call.open() as (db, actor):
        await invites.delete(db, actor, code)


@router.post("/{code}/revoke", dependencies=_CHANGE)
async def revoke_invite(call: Call, code: Code) -> InviteOut:
    """Nobody joins by it from now on."""
    async with call.open() as (db, actor):
        return _invite(await invites.revoke(db, actor, code))


@router.get("/{code}/usage")
async def invite_usage(call: Call, code: Code, limit: Limit = 50, cursor: Cursor = None) -> PageOut[UseOut]:
    """Who joined by it and when, the latest first."""
    async with call.open() as (db, actor):
        page = await invites.usage(db, actor, code, limit=limit, cursor=cursor)
    return PageOut(items=[_use(one) for one in page.items], next_cursor=page.next_cursor)


@router.get(
    "/{code}/qr",
    response_class=Response,
    responses={200: {"content": {"image/png": {}, "image/svg+xml": {}}, "description": "the picture"}},
)
async def invite_qr(call: Call, rt: Rt, request: Request, code: Code) -> Response:
    """A QR of the invite's link, PNG, or SVG when `Accept` asks for it. Who scans it can join."""
    async with call.open() as (db, actor):
        invite = await invites.get(db, actor, code)
    link = await invites.link(rt.settings.telegram, invite.code)
    if "image/svg+xml" in request.headers.get("accept", ""):
        return Response(qr.svg(link), media_type="image/svg+xml")
    return Response(qr.png(link), media_type="image/png")


def _invite(invite: Invite) -> InviteOut:
    return InviteOut(**invite.model_dump())


def _use(one: invites.Use) -> UseOut:
    user = one.user
    name = f"{user.first_name} {user.last_name}".strip() if user else None
    return UseOut(
        at=one.use.at, user_id=one.use.user_id, telegram_id=user.telegram_id if user else None, name=name
    )
