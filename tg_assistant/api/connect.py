"""The second screen's page: an ordinary browser shows the login QR and takes the 2FA password.

Plain HTML, not Reflex: a password passes here, and Telegram's terms keep it out of Mini Apps.
"""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Cookie, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, Field
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant import texts
from tg_assistant.api.connect_state import state_of
from tg_assistant.api.deps import Rt
from tg_assistant.api.problems import language, sentence
from tg_assistant.core import access, logins
from tg_assistant.errors import AssistantError, NotAllowed, NotFound
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login

router = APIRouter(tags=["connect page"], include_in_schema=False)
COOKIE = "tga_connect"
_HERE = Path(__file__).parent
_PAGES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
)
_STATIC = {"connect.css": "text/css", "connect.js": "text/javascript"}
PageToken = Annotated[str | None, Cookie(alias=COOKIE)]
# stricter than the Mini App's: no frame may lay itself over a page that takes a password
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": _POLICY,
}


class PasswordIn(BaseModel):
    password: str = Field(max_length=1024)


@router.get("/tg/connect/static/{name}")
async def static(name: str) -> Response:
    if name not in _STATIC:
        raise NotFound("http.404")
    return Response((_HERE / "static" / name).read_text(), media_type=_STATIC[name])


@router.get("/tg/connect/live")
async def live(rt: Rt, request: Request, token: PageToken = None) -> HTMLResponse:
    """The page after the link was spent; the cookie, not the address, carries the right to see it."""
    try:
        async with rt.db.transaction() as db:
            login, person = await _login(db, token)
    except NotFound as error:
        return _page("closed.html", language(request), 404, message=sentence(error, language(request)))
    return _page("live.html", person.language, who=person.name, state=state_of(login, person.language, rt))


@router.get("/tg/connect/live/state")
async def live_state(rt: Rt, request: Request, token: PageToken = None) -> JSONResponse:
    """What the page shows now; it asks every second or two."""
    async with rt.db.transaction() as db:
        login, person = await _login(db, token)
    return JSONResponse(state_of(login, person.language, rt), headers=_SECURITY)


@router.post("/tg/connect/live/cancel")
async def cancel(rt: Rt, request: Request, token: PageToken = None) -> Response:
    _check_origin(rt, request)
    async with rt.db.transaction() as db:
        await logins.cancel_by_page(db, token or "")
    return RedirectResponse("/tg/connect/live", 303)


@router.post("/api/tg/qr/password/{qr_session_id}")
@router.post("/tg/qr/password/{qr_session_id}")
@router.post("/qr-auth/password/{qr_session_id}")
async def password(
    rt: Rt, request: Request, qr_session_id: UUID, body: PasswordIn, token: PageToken = None
) -> JSONResponse:
    """Send the 2FA password on, sealed to this attempt. Only with the page's own token; 3 tries."""
    _check_origin(rt, request)
    async with rt.db.transaction() as db:
        login, person = await _login(db, token or _connect_header(request))
        if login.id != qr_session_id:
            raise NotFound("logins.not_found")
        request.state.language = person.language
        login = await logins.submit_password(db, token or _connect_header(request), body.password)
    return JSONResponse(state_of(login, person.language, rt), 202, headers=_SECURITY)


@router.get("/tg/connect/{link_token}")
async def look(rt: Rt, request: Request, link_token: str) -> HTMLResponse:
    """Says whose account is being connected. Never spends the link: Telegram fetches it for a preview."""
    try:
        async with rt.db.transaction() as db:
            view = await logins.look(db, link_token)
    except NotFound as error:
        return _closed(request, error)
    if view.spent:
        return _closed(request, NotFound("logins.link_spent"), view.language)
    return _page("link.html", view.language, who=view.who)


@router.post("/tg/connect/{link_token}")
async def spend(rt: Rt, request: Request, link_token: str, go: Annotated[str, Form()] = "") -> Response:
    """Spend the link: this browser, and no other, becomes the second screen."""
    _check_origin(rt, request)
    try:
        async with rt.db.transaction() as db:
            page_token, _ = await logins.spend(db, link_token)
    except AssistantError as error:
        return _closed(request, error)
    response = RedirectResponse("/tg/connect/live", 303, _SECURITY)
    secure = rt.settings.web.public_url.startswith("https://")
    life = rt.settings.security.qr_ttl_seconds + 600
    response.set_cookie(
        COOKIE, page_token, max_age=life, path="/tg", secure=secure, httponly=True, samesite="strict"
    )
    return response


async def _login(db: AsyncSession, token: str | None) -> tuple[Login, access.Actor]:
    login = await logins.by_page(db, token or "")
    return login, await access.actor(db, login.user_id, door="connect")


def _connect_header(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "connect" else ""


def _check_origin(rt: Runtime, request: Request) -> None:
    origin = request.headers.get("origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    # "null" comes from a strict referrer policy on our own form; the cookie is SameSite=Strict besides
    if origin not in (None, "null", own, *rt.settings.web.origins()):
        raise NotAllowed("access.origin")


def _closed(request: Request, error: AssistantError, spoken: str | None = None) -> HTMLResponse:
    spoken = spoken or language(request)
    return _page("closed.html", spoken, error.status, message=sentence(error, spoken))


def _page(template: str, spoken: str, status: int = 200, **values: Any) -> HTMLResponse:
    def t(code: str, **parts: object) -> str:
        return texts.text(f"connect.{code}", spoken, **parts)

    html = _PAGES.get_template(template).render(t=t, language=spoken, **values)
    return HTMLResponse(html, status, _SECURITY)
