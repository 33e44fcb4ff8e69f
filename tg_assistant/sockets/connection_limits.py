"""Limits on connections to the pages' socket, from the handshake on: per address, per person, in total.

Engine.IO accepts every client and keeps its connection indefinitely, even without a namespace.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

import structlog
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tg_assistant.core.access import rate_limits
from tg_assistant.infra import metrics
from tg_assistant.sockets.token_bucket import Pace, Tally
from tg_assistant.web import process

log = structlog.get_logger()
PATH = "/_event"
MAX_PER_ADDRESS = 60  # open connections of one address without a sign-in
MAX_OF_PERSON = 60
MAX_NOBODYS = 1_000  # without a sign-in, of all addresses together; beyond that the oldest is closed
MAX_OPEN = 4_000
BODY_SECONDS = 20.0  # for the whole body of a request, 1 MiB at most
SILENT_SECONDS = 15.0  # without a namespace; a slowly loading page joins it within ten
_SHARED = 5  # an address's handshakes: this many times one connection's limit on frames
_KEY = "tg_assistant.connection"
_TOKEN = re.compile(r"[0-9A-Fa-f-]{36}")
_GOING_AWAY = {"type": "websocket.disconnect", "code": 1001}


def _tell(reason: str, count: int) -> None:
    log.info("socket.refused", reason=reason, count=count)


refused = Tally(_tell)  # refusals are logged by reason only, at most once a minute each


class Connection:
    """One websocket, from its handshake to its end. `person` is empty until a sign-in on it."""

    def __init__(self, gate: "Gate", address: str, receive: Receive) -> None:
        self.address, self.person = address, ""
        self._gate, self._receive = gate, receive
        self._until: float | None = asyncio.get_running_loop().time() + SILENT_SECONDS
        self._waiting: asyncio.Timeout | None = None
        self._hung_up = False

    def belongs(self, person: str) -> None:
        """Count the connection against the signed-in `person` (a user id), no longer against its address."""
        if self.person != person:
            self._gate.signed_in(self, person)

    def joined(self) -> None:
        """The client has joined the namespace: the connection no longer times out."""
        if not self._hung_up:
            self._until = None

    def left(self) -> None:
        """The client has left the namespace: the connection times out after SILENT_SECONDS."""
        if not self._hung_up:
            self._until = asyncio.get_running_loop().time() + SILENT_SECONDS

    def hang_up(self, reason: str) -> None:
        """Make `receive` report a disconnection, whereupon the server sends the client a close frame."""
        refused.add(reason)
        self._until, self._hung_up = 0, True
        if self._waiting is not None:
            self._waiting.reschedule(0)

    async def receive(self) -> Message:
        """The client's next message; a disconnection after a time-out or a frame that no page sends."""
        try:
            async with asyncio.timeout_at(self._until) as self._waiting:
                message = await self._receive()
        except TimeoutError:
            if self._until:
                refused.add("silent")
            return _GOING_AWAY
        finally:
            self._waiting = None
        if message["type"] != "websocket.receive" or self._is_a_pages(message):
            return message
        self.hang_up("frame")
        return _GOING_AWAY

    def _is_a_pages(self, message: Message) -> bool:
        """Whether a page may send it: a text message of Socket.IO, which `flood_guard` rate-limits, or a pong
        or close, which this class does.
        """
        text: str | None = message.get("text")
        return text is not None and (text[:1] == "4" or (text in ("1", "3") and self._gate.may_send(self)))


class _Body:
    """A request's body with a deadline: a client that misses it is treated as disconnected."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._until: float | None = asyncio.get_running_loop().time() + BODY_SECONDS
        self._late = False

    async def receive(self) -> Message:
        """The next chunk, or `http.disconnect` once the deadline has passed."""
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            refused.add("slow")
            self._late = True
            return {"type": "http.disconnect"}
        if message["type"] != "http.request" or not message.get("more_body"):
            self._until = None  # only a disconnection can follow, and streams wait for it
        return message

    async def send(self, message: Message) -> None:
        """Send the answer; after a missed deadline with `Connection: close`, or the server would wait on."""
        if self._late and message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)


class Gate:
    """ASGI middleware before Engine.IO: refuses handshakes that no page makes before any state is stored."""

    def __init__(self, app: ASGIApp, address_of: Callable[[Scope], str]) -> None:
        """`address_of` gives the client's address of a request, behind the trusted proxies."""
        self._app, self._address_of = app, address_of
        self._open: set[Connection] = set()
        self._nobodys: dict[Connection, None] = {}  # the oldest first
        self._count: Counter[str] = Counter()  # by address, or by person after a sign-in

    @cached_property
    def _pace(self) -> Pace:
        """Built at the first handshake, because the settings are not loaded at import time."""
        count, seconds = process.settings().security.socket_events()
        return Pace(count * _SHARED, seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
        elif scope["path"] != PATH and not scope["path"].startswith(f"{PATH}/"):
            if scope["type"] == "http":
                body = _Body(receive, send)
                receive, send = body.receive, body.send
            await self._app(scope, receive, send)
        elif scope["type"] == "http":  # polling is off, and no page requests anything else here
            refused.add("handshake")
            await Response(status_code=404)(scope, receive, send)
        else:
            await self._websocket(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = rate_limits.key_of(self._address_of(scope))
        if reason := self._objection(scope, address):
            refused.add(reason)
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if len(self._nobodys) >= MAX_NOBODYS:
            oldest = next(iter(self._nobodys))
            del self._nobodys[oldest]
            oldest.hang_up("gave_way")
        connection = Connection(self, address, receive)
        self._open.add(connection)
        self._nobodys[connection] = None
        self._count[address] += 1
        # Reflex would log the value, which the client chooses; nothing here needs it
        del MutableHeaders(scope=scope)["sec-websocket-protocol"]
        try:
            await self._app({**scope, _KEY: connection}, connection.receive, send)
        finally:
            self._open.discard(connection)
            self._nobodys.pop(connection, None)
            self._uncount(connection)

    def _objection(self, scope: Scope, address: str) -> str:
        """The reason for refusing this handshake; empty when it is accepted."""
        if not _is_a_pages(scope):
            return "handshake"
        if not self._pace.take(address) or self._count[address] >= MAX_PER_ADDRESS:
            metrics.rate_limit_exceeded_total.labels("socket").inc()
            return "too_many_sockets"
        return "full" if len(self._open) >= MAX_OPEN else ""

    def may_send(self, connection: Connection) -> bool:
        """Take one token for a frame that is no message; the server asks for a pong every 25 s."""
        return self._pace.take(connection.person or connection.address)

    def signed_in(self, connection: Connection, person: str) -> None:
        if connection not in self._open:
            return
        self._nobodys.pop(connection, None)
        self._uncount(connection)
        connection.person = person
        self._count[person] += 1
        if self._count[person] > MAX_OF_PERSON:
            connection.hang_up("too_many_sockets")

    def _uncount(self, connection: Connection) -> None:
        key = connection.person or connection.address
        self._count[key] -= 1
        if not self._count[key]:
            del self._count[key]


def connection_of(environ: Any) -> Connection | None:
    """The connection of Engine.IO's WSGI-like environ; None if it did not pass the gate."""
    return (environ or {}).get("asgi.scope", {}).get(_KEY)


def _is_a_pages(scope: Scope) -> bool:
    """Whether the query is what Reflex's client sends: protocol, transport and token, once each."""
    query: bytes = scope.get("query_string", b"")
    if len(query) > 200 or not query.isascii():
        return False
    asked = parse_qs(query.decode(), keep_blank_values=True)
    tokens = asked.pop("token", [])
    asked.pop("t", None)  # cache-busting timestamp of engine.io-client
    right = asked == {"EIO": ["4"], "transport": ["websocket"]}
    return right and len(tokens) == 1 and _TOKEN.fullmatch(tokens[0]) is not None
