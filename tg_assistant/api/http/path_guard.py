"""Outermost of what answers: addresses that are no paths end here, and so does an error already told."""

import re
from urllib.parse import unquote

import structlog
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tg_assistant.api import problems

log = structlog.get_logger()
# a browser reads `//host` and `/\host` as another host, and takes `..` away before it asks
_NOT_A_PATH = re.compile(r"^/[/\\]|(^|[/\\])\.\.([/\\]|$)")


class Doorstep:
    """ASGI middleware around pages and API, inside of what adds headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            try:
                await self._app(scope, receive, send)
            except (ValueError, LookupError) as error:  # a frame Engine.IO cannot take apart: no traceback
                log.info("page.socket_broken", error=type(error).__name__)
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif is_no_path(scope["path"], scope.get("raw_path") or b""):
            missing = problems.http_problem(Request(scope), 404)
            await missing(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The process's door: Starlette raises again what it has answered, and the server would print it."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # whatever a route lets through: logged once, never printed by the server
            request = Request(scope)
            answer = None if problems.is_told(error) else await problems.on_surprise(request, error)
            if not begun:
                await (answer or problems.http_problem(request, 500))(scope, receive, send)


def is_no_path(path: str, raw: bytes = b"") -> bool:
    """Whether an address, as it came or decoded, names another host or climbs out of a folder."""
    came = raw.decode("latin-1")
    return any(_NOT_A_PATH.search(form) for form in (path, came, unquote(came)))
