"""The second screen's page: an ordinary browser shows the login QR and takes the 2FA password.

Plain HTML, not Reflex: it handles a password, which Telegram's terms forbid in Mini Apps.
"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Cookie, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from tg_assistant.api.deps import Rt
from tg_assistant.api.problems import may
from tg_assistant.api.second_screen.browser import HERE, PRIVATE, check_origin, closed, page
from tg_assistant.api.second_screen.connect_state import state_of
from tg_assistant.core.access import sign_in
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.errors import AssistantError, NotFound
from tg_assistant.infra.postgres.db import Session
from tg_assistant.models import Login

router = APIRouter(tags=["connect page"], include_in_schema=False)
documented = APIRouter(tags=["connect"])
COOKIE = "tga_connect"
_STATIC = {"connect.css": "text/css", "connect.js": "text/javascript"}
PageToken = Annotated[str | None, Cookie(alias=COOKIE)]


class PasswordIn(BaseModel):
    password: str = Field(max_length=1024)


@router.get("/tg/connect/static/{name}")
async def static(name: str) -> Response:
    """The page's script and style sheet. Raises NotFound for any other name."""
    if name not in _STATIC:
        raise NotFound("http.404")
    return Response((HERE / "static" / name).read_text(), media_type=_STATIC[name])


@router.get("/tg/connect/live")
async def live(rt: Rt, request: Request, token: PageToken = None) -> HTMLResponse:
    """The page after the link is spent; the cookie, not the address, grants access to it."""
    try:
        async with rt.db.transaction() as db:
            login, person = await _login(db, token)
    except AssistantError as error:
        return closed(request, error)
    return page("live.html", person.language, who=person.name, state=state_of(login, person.language, rt))


@router.get("/tg/connect/live/state")
async def live_state(rt: Rt, request: Request, token: PageToken = None) -> JSONResponse:
    """The attempt's state as JSON (`state_of`); the page polls it every second or two."""
    async with rt.db.transaction() as db:
        login, person = await _login(db, token)
    return JSONResponse(state_of(login, person.language, rt), headers=PRIVATE)


@router.post("/tg/connect/live/cancel")
async def cancel(rt: Rt, request: Request, token: PageToken = None) -> Response:
    """Cancel the attempt, from the page's own form only. Raises NotAllowed for a foreign origin."""
    check_origin(rt, request)
    try:
        async with rt.db.transaction() as db:
            await logins.cancel_by_page(db, token or "")
    except AssistantError as error:
        return closed(request, error)
    return RedirectResponse("/tg/connect/live", 303)


@documented.post(
    "/api/tg/qr/password/{qr_session_id}",
    status_code=202,
    responses=may(
        *(403, 404, 410),
        s403="From a foreign page",
        s404="No page token, or another attempt's",
        s410="The sign-in that began the attempt has ended",
    ),
    openapi_extra={"security": [{"connect": []}]},
)
@router.post("/tg/qr/password/{qr_session_id}")
@router.post("/qr-auth/password/{qr_session_id}")
async def password(
    rt: Rt, request: Request, qr_session_id: UUID, body: PasswordIn, token: PageToken = None
) -> JSONResponse:
    """Send the 2FA password on, sealed to this attempt. Only with the page's own token; 3 tries."""
    check_origin(rt, request)
    async with rt.db.transaction() as db:
        login, person = await _login(db, token or _connect_header(request))
        if login.id != qr_session_id:
            raise NotFound("logins.not_found")
        request.state.language = person.language
        login = await logins.submit_password(db, token or _connect_header(request), body.password)
    return JSONResponse(state_of(login, person.language, rt), 202, headers=PRIVATE)


@router.get("/tg/connect/{link_token}")
async def look(rt: Rt, request: Request, link_token: str) -> HTMLResponse:
    """Show whose account is being connected. Never spends the link: Telegram fetches it for a preview."""
    try:
        async with rt.db.transaction() as db:
            view = await logins.look(db, link_token)
    except AssistantError as error:
        return closed(request, error)
    if view.spent:
        return closed(request, NotFound("logins.link_spent"), view.language)
    return page("link.html", view.language, who=view.who)


@router.post("/tg/connect/{link_token}")
async def spend(rt: Rt, request: Request, link_token: str, go: Annotated[str, Form()] = "") -> Response:
    """Spend the link: this browser, and no other, becomes the second screen."""
    check_origin(rt, request)
    try:
        async with rt.db.transaction() as db:
            page_token, _ = await logins.spend(db, link_token)
    except AssistantError as error:
        return closed(request, error)
    response = RedirectResponse("/tg/connect/live", 303, PRIVATE)
    secure = rt.settings.web.public_url.startswith("https://")
    life = rt.settings.security.qr_ttl_seconds + 600
    response.set_cookie(
        COOKIE, page_token, max_age=life, path="/tg", secure=secure, httponly=True, samesite="strict"
    )
    return response


async def _login(db: Session, token: str | None) -> tuple[Login, Actor]:
    login = await logins.by_page(db, token or "")
    return login, await sign_in.actor(db, login.user_id, door="connect")


def _connect_header(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "connect" else ""
