"""Around every request: its id, the limit on its body's size, its metrics, and `no-store` on its answer."""

from collections.abc import Callable
from http import HTTPStatus
from time import monotonic
from uuid import uuid4

import structlog
from fastapi import HTTPException, Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tg_assistant.api import limits, problems
from tg_assistant.infra import metrics

log = structlog.get_logger()

MAX_BODY = 1_048_576  # bytes; the longest input a client may send is a question
_PRIVATE = ("/api", "/tg/", "/qr-auth", "/feeds", "/health", "/ready")
_KNOWN_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
Template = Callable[[str, str], str]


class Envelope:
    """ASGI middleware, not Starlette's BaseHTTPMiddleware: streams pass through untouched."""

    def __init__(self, app: ASGIApp, template: Template) -> None:
        self._app = app
        self._template = template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request.state.request_id = uuid4().hex
        answer = _Answer(request, send)
        began = monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request.state.request_id):
            try:
                said = request.headers.get("content-length", "")
                if said.isdecimal() and (len(said) > 12 or int(said) > MAX_BODY):
                    refused = problems.http_problem(request, 413)
                    await refused(scope, receive, answer.send)
                else:
                    await self._app(scope, _Counted(receive), answer.send)
            finally:
                self._count(request, answer.status, monotonic() - began)
                structlog.contextvars.unbind_contextvars("user_id", "tenant_id")

    def _count(self, request: Request, status: int, seconds: float) -> None:
        method = request.method if request.method in _KNOWN_METHODS else "other"
        route = self._template(request.url.path, request.method)
        metrics.http_requests_total.labels(method, route, str(status)).inc()
        metrics.http_request_duration_seconds.labels(method, route).observe(seconds)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            # log the route's template: the path itself may contain a code or a link's token
            code = getattr(request.state, "code", "")
            log.info("request.refused", method=method, route=route, status=status, code=code)


class _Answer:
    """Wraps `send`: adds headers and records the status. If nothing is sent, the status is 500."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self.status = int(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request.state.request_id
            limits.add_headers(self._request, headers)
            if self._request.url.path.startswith(_PRIVATE):
                headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


class _Counted:
    """Wraps `receive`: refuses a body that exceeds the limit though its `Content-Length` did not say so."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > MAX_BODY:
            raise HTTPException(413)
        return message
