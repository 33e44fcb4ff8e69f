"""Requests from and answers to a browser: origin check, sign-in origin, refresh cookie, plain pages."""

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tg_assistant import texts
from tg_assistant.api.limits import client_address
from tg_assistant.api.problems import language, sentence
from tg_assistant.core.access.sign_in import SignInOrigin
from tg_assistant.errors import AssistantError, NotAllowed
from tg_assistant.infra.runtime import Runtime

HERE = Path(__file__).parent
REFRESH_COOKIE = "tga_refresh"
REFRESH_PATH = "/api/auth"
_PAGES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
)
# stricter than the Mini App's: a page that takes a password or a link must not be framed
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PRIVATE = {
    "Cache-Control": "no-store",
    # only the origin, since an address may contain a link's token; not `no-referrer`: with it a form's POST
    # carries `Origin: null`, as a foreign page's may
    "Referrer-Policy": "strict-origin",
    "Content-Security-Policy": _POLICY,
}


def check_origin(rt: Runtime, request: Request) -> None:
    """Raise NotAllowed for a request that another site's page made the browser send (CSRF).

    A client that is not a browser sends neither header, and cannot be made to send a person's cookies.
    """
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is None:
        refused = site in ("cross-site", "same-site")
    elif origin == "null":
        refused = site != "same-origin"
    else:
        refused = origin not in rt.settings.web.origins()
    if refused:
        raise NotAllowed("access.origin")


def sign_in_origin(rt: Runtime, request: Request, door: str) -> SignInOrigin:
    """Where a sign-in comes from: door, device (User-Agent, at most 200 characters), client address."""
    device = request.headers.get("user-agent", "").replace("\x00", "")[:200]
    return SignInOrigin(door, device, client_address(request, rt.settings.web.trusted_proxy_hops))


def set_refresh_cookie(response: Response, token: str, life: float) -> None:
    """Set the refresh cookie. `life` is in seconds.

    The header is written by hand, because Starlette has no `Partitioned` before Python 3.14.
    """
    response.headers.append(
        "set-cookie",
        f"{REFRESH_COOKIE}={token}; Path={REFRESH_PATH}; Max-Age={max(0, int(life))}; "
        "HttpOnly; Secure; SameSite=None; Partitioned",
    )


def page(template: str, spoken: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a plain page in the language `spoken`; its sentences are the texts `connect.…`."""

    def t(code: str, **parts: object) -> str:
        return texts.text(f"connect.{code}", spoken, **parts)

    html = _PAGES.get_template(template).render(t=t, language=spoken, **values)
    return HTMLResponse(html, status, PRIVATE)


def closed(
    request: Request, error: AssistantError, spoken: str | None = None, *, next_code: str = "closed_next"
) -> HTMLResponse:
    """The page for a link that no longer works: the error's sentence and status, and what to do next."""
    spoken = spoken or language(request)
    return page("closed.html", spoken, error.status, message=sentence(error, spoken), next_code=next_code)
