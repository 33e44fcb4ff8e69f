"""Connecting a Telegram account by QR. Every route is served under /api/tg/qr, /tg/qr and /qr-auth."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field
from sse_starlette import EventSourceResponse

from tg_assistant.api import limits
from tg_assistant.api.deps import Call, Rt
from tg_assistant.api.problems import may
from tg_assistant.api.streaming import sse
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.accounts import logins, qr
from tg_assistant.core.group import invites
from tg_assistant.errors import NotAllowed, NotFound
from tg_assistant.models import Login, LoginStatus

PREFIXES = ("/api/tg/qr", "/tg/qr", "/qr-auth")
_routes = APIRouter(tags=["connect"])
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": sse.CONTENT}}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": _BINARY, "image/svg+xml": {"schema": {"type": "string"}}}}
}
_STARTED = may(
    409,
    410,
    s409="The invite's code is good, but the caller joined a group just now",
    s410="The code is spent",
)
# the picture gives access to an account; `Vary` keeps its two formats apart in a browser's cache
_PRIVATE = {"Cache-Control": "no-store", "Vary": "Accept, Authorization"}
_MAY_START = [limits.by_user_and_address(Rule.qr_start)]


class StartIn(BaseModel):
    telegram_user_id: int | str | None = Field(
        default=None, description="if given, must be the caller's own; a number or a decimal string"
    )
    invite_code: str | None = Field(
        default=None, max_length=100, description="redeemed first, for a caller who belongs to no group yet"
    )
    client_meta: dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=1000)]] = Field(
        default_factory=dict, max_length=20, examples=[{"device": "Anna's laptop"}]
    )


class StartOut(BaseModel):
    qr_session_id: UUID
    png_url: str
    connect_url: str = Field(description="one-time page for a second screen")
    expires_in: int = Field(description="seconds")


class StatusOut(BaseModel):
    status: LoginStatus
    reason: str | None = Field(default=None, examples=["flood_wait"])
    retry_after: int | None = Field(default=None, description="seconds, beside reason flood_wait")
    qr_expires_at: datetime | None = None
    updated_at: datetime


class CancelIn(BaseModel):
    qr_session_id: UUID


@_routes.post("/start", status_code=201, dependencies=_MAY_START, responses=_STARTED)
@_routes.post("/init", status_code=201, dependencies=_MAY_START, include_in_schema=False)
async def start(call: Call, rt: Rt, request: Request, body: StartIn) -> StartOut:
    """Begin connecting the caller's own account; of more than three attempts the oldest are cancelled."""
    if body.invite_code:
        await limits.spend(rt, request, Rule.invites, call)
    async with call.open() as (db, actor):
        if body.telegram_user_id is not None and str(body.telegram_user_id) != str(actor.telegram_id):
            raise NotAllowed("accounts.not_yours")
        if body.invite_code and actor.tenant_id is None:
            await invites.redeem(db, actor, body.invite_code)
    async with call.open() as (db, actor):
        device, ttl = body.client_meta.get("device", ""), rt.settings.security.qr_ttl_seconds
        started = await logins.start(db, actor, device=device, ttl=ttl)
    base = rt.settings.web.public_url
    return StartOut(
        qr_session_id=started.login.id,
        png_url=f"{base}/api/tg/qr/png/{started.login.id}",
        connect_url=f"{base}/tg/connect/{started.link_token}",
        expires_in=ttl,
    )


@_routes.get("/status/{qr_session_id}", dependencies=[limits.by_user(Rule.qr_status)])
async def status(call: Call, qr_session_id: UUID) -> StatusOut:
    """How far the attempt is."""
    async with call.open() as (db, actor):
        return _status(await logins.status(db, actor, qr_session_id))


@_routes.get(
    "/events/{qr_session_id}",
    response_class=EventSourceResponse,
    responses=_EVENTS,
    dependencies=[limits.by_user(Rule.qr_status)],
)
async def events(
    call: Call,
    rt: Rt,
    qr_session_id: UUID,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> EventSourceResponse:
    """The status as server-sent events, up to and including a final one."""
    async with call.open() as (db, actor):
        await logins.status(db, actor, qr_session_id)
    changes = sse.changes(logins.watch(rt, actor, qr_session_id), last_event_id, _event)
    return sse.stream(changes, actor, call.actor)


def _event(login: Login) -> sse.Event:
    return sse.Event(login.updated_at.isoformat(), "status", _status(login).model_dump(mode="json"))


@_routes.get("/png/{qr_session_id}", response_class=Response, responses=_PICTURE)
async def png(call: Call, request: Request, qr_session_id: UUID) -> Response:
    """The QR to scan now; SVG when `Accept` asks for it. 404 while there is none."""
    async with call.open() as (db, actor):
        login = await logins.status(db, actor, qr_session_id)
    if not login.qr_url:
        raise NotFound("logins.no_qr")
    if "image/svg+xml" in request.headers.get("accept", ""):
        return Response(qr.svg(login.qr_url), media_type="image/svg+xml", headers=_PRIVATE)
    return Response(qr.png(login.qr_url), media_type="image/png", headers=_PRIVATE)


@_routes.post("/cancel", responses=may(404))
async def cancel(call: Call, body: CancelIn) -> StatusOut:
    """Give the attempt up; a half-made session is logged out."""
    async with call.open() as (db, actor):
        return _status(await logins.cancel(db, actor, body.qr_session_id))


def _status(login: Login) -> StatusOut:
    return StatusOut(
        status=LoginStatus(login.status),
        reason=login.reason,
        retry_after=login.retry_after,
        qr_expires_at=login.qr_expires_at,
        updated_at=login.updated_at,
    )


router = APIRouter()
for prefix in PREFIXES:
    router.include_router(_routes, prefix=prefix, include_in_schema=prefix == PREFIXES[0])
