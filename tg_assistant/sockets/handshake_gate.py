"""Connections to the pages' socket, counted from the handshake on: so many an address, a person and in all.

Engine.IO answers whoever comes and keeps the connection without end, a namespace or not.
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
MAX_ANONYMOUS = 60  # open connections of one address on which nobody has signed in
MAX_OF_PERSON = 60
MAX_NOBODYS = 1_000  # of all addresses together; beyond, the oldest gives way
MAX_OPEN = 4_000
BODY_SECONDS = 20.0  # for all of a request's body, a megabyte at most
SILENT_SECONDS = 15.0  # without the namespace; a page that loads slowly asks for it within ten
_SHARED = 5  # times a connection's frames: handshakes of an address in the same time
_KEY = "tg_assistant.connection"
_TOKEN = re.compile(r"[0-9A-Fa-f-]{36}")
_GOING_AWAY = {"type": "websocket.disconnect", "code": 1001}


def _tell(reason: str, count: int) -> None:
    log.info("socket.refused", reason=reason, count=count)


refused = Tally(_tell)  # what strangers do is told of by its reason alone, once a minute


class Connection:
    """One websocket, from its handshake to its end. `person` is empty until somebody signs in on it."""

    def __init__(self, gate: "Gate", address: str, receive: Receive) -> None:
        self.address, self.person = address, ""
        self._gate, self._receive = gate, receive
        self._until: float | None = asyncio.get_running_loop().time() + SILENT_SECONDS
        self._waiting: asyncio.Timeout | None = None

    def belongs(self, person: str) -> None:
        """Somebody has signed in on it: it counts no longer against its address."""
        if self.person != person:
            self._gate.signed_in(self, person)

    def joined(self) -> None:
        """It has the namespace, and may stay as long as it likes."""
        self._until = None

    def left(self) -> None:
        """It has the namespace no more."""
        self._until = asyncio.get_running_loop().time() + SILENT_SECONDS

    def hang_up(self, reason: str) -> None:
        """The server learns of a disconnection; the client gets a close frame from it."""
        refused.add(reason)
        self._until = 0
        if self._waiting is not None:
            self._waiting.reschedule(0)

    async def receive(self) -> Message:
        """What the client sends; its end once it has been silent for too long, or sends what no page does."""
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
        """A message of Socket.IO's as text, which is paced there; a pong or a goodbye, which is here."""
        text: str | None = message.get("text")
        return text is not None and (text[:1] == "4" or (text in ("1", "3") and self._gate.may_send(self)))


class _Body:
    """A request's body that must have come in time: who sends it slowly has left."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._until: float | None = asyncio.get_running_loop().time() + BODY_SECONDS
        self._late = False

    async def receive(self) -> Message:
        """The next piece, or that the client has left."""
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            refused.add("slow")
            self._late = True
            return {"type": "http.disconnect"}
        if message["type"] != "http.request" or not message.get("more_body"):
            self._until = None  # what comes now is that the client leaves: streams wait for it
        return message

    async def send(self, message: Message) -> None:
        """The answer; whoever was late is hung up on, or the server would wait for the rest."""
        if self._late and message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
        await self._send(message)


class Gate:
    """ASGI middleware before Engine.IO: what no page asks for ends here, before anything is kept of it."""

    def __init__(self, app: ASGIApp, address_of: Callable[[Scope], str]) -> None:
        """`address_of` takes the client's address out of a request, behind the known proxies."""
        self._app, self._address_of = app, address_of
        self._open: set[Connection] = set()
        self._nobodys: dict[Connection, None] = {}  # the oldest first
        self._count: Counter[str] = Counter()  # by address, or by person once there is one

    @cached_property
    def _pace(self) -> Pace:
        """There are settings once somebody comes."""
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
        elif scope["type"] == "http":  # polling is off, and nothing else is asked for here
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
        # a version the page names is repeated in the log by Reflex, and is nobody's business here
        del MutableHeaders(scope=scope)["sec-websocket-protocol"]
        try:
            await self._app({**scope, _KEY: connection}, connection.receive, send)
        finally:
            self._open.discard(connection)
            self._nobodys.pop(connection, None)
            self._uncount(connection)

    def _objection(self, scope: Scope, address: str) -> str:
        """Why this handshake is refused; nothing when it is not."""
        if not _is_a_pages(scope):
            return "handshake"
        if not self._pace.take(address) or self._count[address] >= MAX_ANONYMOUS:
            metrics.rate_limit_exceeded_total.labels("socket").inc()
            return "too_many_sockets"
        return "full" if len(self._open) >= MAX_OPEN else ""

    def may_send(self, connection: Connection) -> bool:
        """One more frame that is no message; servers ask for a pong every 25 s."""
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
    """The connection behind Engine.IO's own picture of a request; None where no gate was passed."""
    return (environ or {}).get("asgi.scope", {}).get(_KEY)


def _is_a_pages(scope: Scope) -> bool:
    """Whether the query is what Reflex's client writes: protocol, transport and token, once each."""
    query: bytes = scope.get("query_string", b"")
    if len(query) > 200 or not query.isascii():
        return False
    asked = parse_qs(query.decode(), keep_blank_values=True)
    tokens = asked.pop("token", [])
    asked.pop("t", None)  # the time, against caches: a client's own
    right = asked == {"EIO": ["4"], "transport": ["websocket"]}
    return right and len(tokens) == 1 and _TOKEN.fullmatch(tokens[0]) is not None
