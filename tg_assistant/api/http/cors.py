"""CORS answers in the form of all others: a refused preflight is problem+json, `Vary` has no duplicates.

Starlette's CORS middleware, which Reflex wraps around each of its layers, decides which origins may call.
"""

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tg_assistant import texts
from tg_assistant.api import problems


class CrossOrigin:
    """ASGI middleware around everything that answers preflights."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope)
        preflight = (
            scope["method"] == "OPTIONS" and "origin" in said and "access-control-request-method" in said
        )
        answer = _Answer(send, preflight=preflight)
        await self._app(scope, receive, answer.send)
        if answer.refused is not None:
            request = Request(scope)
            detail = texts.text("errors.http.cors", problems.language(request))
            refusal = problems.problem(request, 400, "http.cors", "Bad Request", detail)
            refusal.headers["Vary"] = answer.refused
            await refusal(scope, receive, send)


class _Answer:
    """Wraps `send`. A refused preflight is not sent on; `refused` then holds its `Vary` value."""

    def __init__(self, send: Send, *, preflight: bool) -> None:
        self._send = send
        self._preflight = preflight
        self.refused: str | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            names = (name.strip() for line in headers.getlist("vary") for name in line.split(","))
            if said := [name for name in names if name]:  # deduplicated, ignoring case
                headers["Vary"] = ", ".join({name.lower(): name for name in said}.values())
            if self._preflight and message["status"] == 400:
                self.refused = headers.get("vary", "Origin")
        if self.refused is None:
            await self._send(message)
