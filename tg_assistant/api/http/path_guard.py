"""The outermost middleware that answers: refuses unsafe paths, and stops errors that are already logged."""

import re
from urllib.parse import unquote

import structlog
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tg_assistant.api import problems

log = structlog.get_logger()
# a browser reads `//host` and `/\host` as another host, and resolves `..` before it sends a request
_NOT_A_PATH = re.compile(r"^/[/\\]|(^|[/\\])\.\.([/\\]|$)")


class Doorstep:
    """ASGI middleware around pages and API, inside the one that adds headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            try:
                await self._app(scope, receive, send)
            except (ValueError, LookupError) as error:  # a frame Engine.IO cannot parse: no traceback
                log.info("page.socket_broken", error=type(error).__name__)
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif is_no_path(scope["path"], scope.get("raw_path") or b""):
            missing = problems.http_problem(Request(scope), 404)
            await missing(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Catch every exception: Starlette re-raises those it has answered; the server would print them."""
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except (
            Exception
        ) as error:  # anything a route does not catch: logged once, never printed by the server
            request = Request(scope)
            answer = None if problems.is_told(error) else await problems.on_surprise(request, error)
            if not begun:
                await (answer or problems.http_problem(request, 500))(scope, receive, send)


def is_no_path(path: str, raw: bytes = b"") -> bool:
    """Whether an address, raw or decoded, names another host or leads out of its folder with `..`."""
    came = raw.decode("latin-1")
    return any(_NOT_A_PATH.search(form) for form in (path, came, unquote(came)))
