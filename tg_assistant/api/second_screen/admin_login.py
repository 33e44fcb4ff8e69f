"""Sign-in to the admin panel from a browser: the bot's one-time link becomes a session of a few hours.

A GET shows a button; the POST spends the link, sets the refresh cookie and redirects to the panel, whose
bridge exchanges the cookie for a resume secret (`POST /api/auth/resume`). The session's secrets never appear
in an address.
"""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from tg_assistant.api import limits
from tg_assistant.api.deps import Rt
from tg_assistant.api.second_screen.browser import (
    PRIVATE,
    check_origin,
    closed,
    page,
    set_refresh_cookie,
    sign_in_origin,
)
from tg_assistant.core.access import one_time_links, sessions, sign_in
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.errors import AssistantError, InviteSpent

router = APIRouter(tags=["admin sign-in"], include_in_schema=False)
PANEL = "/admin/#signed-in"  # at this fragment the bridge discards what an earlier session left in the tab


@router.get("/admin/login/{token}")
async def look(rt: Rt, request: Request, token: str) -> HTMLResponse:
    """Show who is about to sign in. Never spends the link: Telegram fetches it for a preview."""
    try:
        async with rt.db.transaction() as db:
            view = await one_time_links.look(db, token, Purpose.admin)
    except AssistantError as error:
        return closed(request, error, next_code="admin_next")
    if view.spent:
        return closed(request, InviteSpent("links.spent"), view.language, next_code="admin_next")
    return page("admin_link.html", view.language, who=view.who)


@router.post("/admin/login/{token}", dependencies=[limits.by_address(Rule.sign_in)])
async def spend(rt: Rt, request: Request, token: str) -> Response:
    """Spend the link: this browser, and no other, is signed in."""
    check_origin(rt, request)
    origin = sign_in_origin(rt, request, "admin")
    try:
        async with rt.db.transaction() as db:
            person = await one_time_links.spend(db, token, Purpose.admin)
            signed = await sign_in.start_session(db, person, now=rt.clock.now(), origin=origin)
    except AssistantError as error:
        async with rt.db.transaction() as db:
            await sign_in.note_sign_in(db, origin, outcome=error.code)
        return closed(request, error, next_code="admin_next")
    response = RedirectResponse(PANEL, 303, PRIVATE)
    set_refresh_cookie(response, signed.refresh_token, sessions.ADMIN_LIFETIME.total_seconds())
    return response
