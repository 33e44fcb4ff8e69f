"""Sign-in: init data once for an access token, a resume secret and a refresh cookie; rotation; sign-out."""

from typing import Annotated, Any

from fastapi import APIRouter, Cookie, Request, Response
from pydantic import BaseModel, Field

from tg_assistant.api.deps import Call, Rt, jwt_secret
from tg_assistant.core import access, sessions, tokens
from tg_assistant.core.initdata import PRODUCTION_KEY, Validator
from tg_assistant.errors import NotAllowed, SignInNeeded
from tg_assistant.infra.runtime import Runtime

router = APIRouter(prefix="/api/auth", tags=["sign-in"])
COOKIE = "tga_refresh"
Refresh = Annotated[str | None, Cookie(alias=COOKIE)]


class InitDataIn(BaseModel):
    init_data: str | None = Field(
        default=None, max_length=16_384, description="Telegram.WebApp.initData as it is"
    )


class TokenOut(BaseModel):
    access_token: str
    token_type: str = "bearer"
    expires_in: int = Field(description="seconds")


class SignedInOut(TokenOut):
    resume_secret: str = Field(description="binds a websocket to this session; keep it in memory")
    start_param: str | None = None
    telegram_id: int
    language: str


@router.post("/telegram-webapp")
async def sign_in(
    rt: Rt, request: Request, response: Response, body: InitDataIn | None = None
) -> SignedInOut:
    """Exchange init data: both signatures, ≤ 300 s old, once. Also from `Authorization: tma <initData>`."""
    init_data = (body and body.init_data) or _from_header(request)
    async with rt.db.transaction() as db:
        signed = await access.sign_in(
            db, init_data, validator=validator(rt), clock=rt.clock, device=_device(request)
        )
    request.state.language = signed.actor.language
    _set_cookie(response, signed.refresh_token)
    return SignedInOut(
        **_token(rt, tokens.Claims(signed.actor.user_id, signed.session_id)),
        resume_secret=signed.resume_secret,
        start_param=signed.start_param,
        telegram_id=signed.actor.telegram_id,
        language=signed.actor.language,
    )


@router.post("/refresh")
async def refresh(rt: Rt, request: Request, response: Response, token: Refresh = None) -> TokenOut:
    """Rotate the refresh cookie for a new access token."""
    _check_origin(rt, request)
    if not token:
        raise SignInNeeded("access.signed_out")
    async with rt.db.transaction() as db:
        started = await sessions.refresh(db, token, now=rt.clock.now())
        await access.actor(db, started.user_id, door="rest")
    _set_cookie(response, started.refresh_token)
    return TokenOut(**_token(rt, tokens.Claims(started.user_id, started.id)))


@router.post("/logout", status_code=204)
async def logout(call: Call, response: Response) -> None:
    """End this session; its tokens stop working at once."""
    async with call.open() as (db, actor):
        assert actor.session_id is not None
        await sessions.end(db, actor, actor.session_id)
    response.delete_cookie(COOKIE, path="/api/auth")


def validator(rt: Runtime) -> Validator:
    telegram = rt.settings.telegram
    return Validator(telegram.bot_token.get_secret_value(), telegram.init_data_public_key or PRODUCTION_KEY)


def _from_header(request: Request) -> str:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "tma":
        raise SignInNeeded("access.init_data")
    return value


def _device(request: Request) -> str:
    return request.headers.get("user-agent", "")[:200]


def _token(rt: Runtime, claims: tokens.Claims) -> dict[str, Any]:
    ttl = rt.settings.security.jwt_ttl_seconds
    token = tokens.issue(claims, secret=jwt_secret(rt), ttl_seconds=ttl, now=rt.clock.now())
    return {"access_token": token, "expires_in": ttl}


def _set_cookie(response: Response, token: str) -> None:
    # Starlette has no `Partitioned` before Python 3.14, so the header is written out
    life = int(sessions.LIFETIME.total_seconds())
    parts = f"{COOKIE}={token}; Path=/api/auth; Max-Age={life}; HttpOnly; Secure; SameSite=None; Partitioned"
    response.headers.append("set-cookie", parts)


def _check_origin(rt: Runtime, request: Request) -> None:
    origin = request.headers.get("origin")
    if origin is not None and origin not in rt.settings.web.origins():
        raise NotAllowed("access.origin")
