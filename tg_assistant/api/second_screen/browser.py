"""What a browser brings and gets: its origin, where it signs in from, the refresh cookie, plain pages."""

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
# stricter than the Mini App's: no frame may lay itself over a page that takes a password or a link
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PRIVATE = {
    "Cache-Control": "no-store",
    # the origin alone, since an address may hold a link's key; not `no-referrer`: with it a form's POST says
    # `Origin: null`, as a foreign page's may
    "Referrer-Policy": "strict-origin",
    "Content-Security-Policy": _POLICY,
}


def check_origin(rt: Runtime, request: Request) -> None:
    """Raises NotAllowed for a request that another site's page makes the browser send.

    A client that is no browser sends neither header, and no cookie it was not meant to have.
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
    """Where a sign-in comes from."""
    device = request.headers.get("user-agent", "").replace("\x00", "")[:200]
    return SignInOrigin(door, device, client_address(request, rt.settings.web.trusted_proxy_hops))


def set_refresh_cookie(response: Response, token: str, life: float) -> None:
    """Written out, since Starlette has no `Partitioned` before Python 3.14. `life` is in seconds."""
    response.headers.append(
        "set-cookie",
        f"{REFRESH_COOKIE}={token}; Path={REFRESH_PATH}; Max-Age={max(0, int(life))}; "
        "HttpOnly; Secure; SameSite=None; Partitioned",
    )


def page(template: str, spoken: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A plain page; its sentences are the texts `connect.…`."""

    def t(code: str, **parts: object) -> str:
        return texts.text(f"connect.{code}", spoken, **parts)

    html = _PAGES.get_template(template).render(t=t, language=spoken, **values)
    return HTMLResponse(html, status, PRIVATE)


def closed(
    request: Request, error: AssistantError, spoken: str | None = None, *, next_code: str = "closed_next"
) -> HTMLResponse:
    """A link that leads nowhere any more, in words."""
    spoken = spoken or language(request)
    return page("closed.html", spoken, error.status, message=sentence(error, spoken), next_code=next_code)
