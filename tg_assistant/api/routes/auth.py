"""Sign-in (init data exchanged for access token, resume secret and refresh cookie), rotation, sign-out."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Request, Response
from pydantic import BaseModel, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call, Rt, jwt_secret
from tg_assistant.api.second_screen.browser import (
    REFRESH_COOKIE,
    check_origin,
    set_refresh_cookie,
    sign_in_origin,
)
from tg_assistant.core.access import access_tokens, sessions, sign_in
from tg_assistant.core.access.init_data import PRODUCTION_KEY, Validator
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.access.sessions import Started
from tg_assistant.core.actor import Actor
from tg_assistant.errors import AssistantError, SignInNeeded
from tg_assistant.infra.runtime import Runtime

router = APIRouter(prefix="/api/auth", tags=["sign-in"])
# limits load, not guessing (the token has 256 bits): Redis's absence must not sign anybody out
_MAY_ROTATE = [limits.by_address(Rule.refresh, goes_on=True)]
Refresh = Annotated[str | None, Cookie(alias=REFRESH_COOKIE)]


class InitDataIn(BaseModel):
    # no max_length: a string that is too long gets the same 401 as any other fault
    init_data: str | None = Field(default=None, description="Telegram.WebApp.initData as it is")


class TokenOut(BaseModel):
    access_token: str
    token_type: str = "bearer"
    expires_in: int = Field(description="seconds")


class ResumedOut(TokenOut):
    resume_secret: str = Field(description="binds a websocket to this session; keep it in memory")
    telegram_id: int
    language: str


class SignedInOut(ResumedOut):
    start_param: str | None = None


@router.post("/telegram-webapp", name="sign_in", dependencies=[limits.by_address(Rule.sign_in)])
async def sign_in_with_init_data(
    rt: Rt, request: Request, response: Response, body: InitDataIn | None = None
) -> SignedInOut:
    """Exchange init data: both signatures, ≤ 300 s old, once. Also from `Authorization: tma <initData>`."""
    origin = sign_in_origin(rt, request, "app")
    try:
        init_data = (body and body.init_data) or _from_header(request)
        async with rt.db.transaction() as db:
            signed = await sign_in.sign_in(
                db, init_data, validator=validator(rt), clock=rt.clock, origin=origin
            )
    except AssistantError as error:
        if error.status in (401, 403):
            async with rt.db.transaction() as db:
                await sign_in.note_sign_in(db, origin, outcome=error.code)
        raise
    request.state.language = signed.actor.language
    set_refresh_cookie(response, signed.refresh_token, sessions.LIFETIME.total_seconds())
    return SignedInOut(
        **_token(rt, access_tokens.Claims(signed.actor.user_id, signed.session_id)),
        resume_secret=signed.resume_secret,
        start_param=signed.start_param,
        telegram_id=signed.actor.telegram_id,
        language=signed.actor.language,
    )


@router.post("/refresh", dependencies=_MAY_ROTATE)
async def refresh(rt: Rt, request: Request, response: Response, token: Refresh = None) -> TokenOut:
    """Rotate the refresh cookie for a new access token."""
    started, actor, _ = await _rotate(rt, request, token)
    request.state.language = actor.language
    _keep(response, started, rt.clock.now())
    return TokenOut(**_token(rt, access_tokens.Claims(started.user_id, started.id)))


@router.post("/resume", dependencies=_MAY_ROTATE)
async def resume(rt: Rt, request: Request, response: Response, token: Refresh = None) -> ResumedOut:
    """Rotate the refresh cookie for a resume secret too: a browser outside Telegram that was reloaded."""
    started, actor, secret = await _rotate(rt, request, token, resuming=True)
    request.state.language = actor.language
    _keep(response, started, rt.clock.now())
    return ResumedOut(
        **_token(rt, access_tokens.Claims(started.user_id, started.id)),
        resume_secret=secret,
        telegram_id=actor.telegram_id,
        language=actor.language,
    )


@router.post("/logout", status_code=204)
async def logout(call: Call, response: Response) -> None:
    """End this session; its tokens stop working at once."""
    async with call.open() as (db, actor):
        assert actor.session_id is not None
        await sessions.end(db, actor, actor.session_id)
    # the same attributes as when it was set: a partitioned cookie is distinct from an unpartitioned one
    set_refresh_cookie(response, "", 0)


def validator(rt: Runtime) -> Validator:
    """The validator of init data, with Telegram's public key; the demo's Telegram signs with its own."""
    telegram = rt.settings.telegram
    return Validator(
        telegram.bot_token.get_secret_value(),
        telegram.init_data_public_key or PRODUCTION_KEY,
        telegram.require_ed25519,
    )


async def _rotate(
    rt: Runtime, request: Request, token: str | None, *, resuming: bool = False
) -> tuple[Started, Actor, str]:
    check_origin(rt, request)
    if not token:
        raise SignInNeeded("access.signed_out")
    async with rt.db.transaction() as db:
        try:
            started = await sessions.refresh(db, token, now=rt.clock.now())
        except SignInNeeded:
            await db.commit()  # a reused token ended its session; raising alone would roll that back
            raise
        actor = await sign_in.actor(db, started.user_id, door="rest", session_id=started.id)
        secret = await sessions.new_resume_secret(db, started.id) if resuming else ""
    return started, actor, secret


def _keep(response: Response, started: Started, now: datetime) -> None:
    set_refresh_cookie(response, started.refresh_token, (started.expires_at - now).total_seconds())


def _from_header(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "tma":
        raise SignInNeeded("access.init_data")
    return value


def _token(rt: Runtime, claims: access_tokens.Claims) -> dict[str, Any]:
    ttl = rt.settings.security.jwt_ttl_seconds
    token = access_tokens.issue(claims, secret=jwt_secret(rt), ttl_seconds=ttl, now=rt.clock.now())
    return {"access_token": token, "expires_in": ttl}
