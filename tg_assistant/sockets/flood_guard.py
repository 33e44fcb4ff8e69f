"""What comes over a connection, before anything reads it: so much at once, and nothing no page would send.

python-socketio gathers as many binary pieces as a stranger announces, and writes a traceback for each frame
it cannot read; a page of ours sends text alone.
"""

import logging
from functools import cached_property
from typing import Any

from tg_assistant.infra import metrics
from tg_assistant.sockets import handshake_gate
from tg_assistant.sockets.token_bucket import Pace
from tg_assistant.web import process

_SHARED = 5  # times a connection's frames for all of a person's, or of an address's that are nobody's
_BINARY = ("5", "6")  # Socket.IO's packets that announce binary pieces
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
# Where libraries tell what a stranger sent: their names, and how those lines begin
_LOGGERS = {
    "engineio.server": ("",),
    "socketio.server": ("",),
    "reflex.app": ("Frontend ", "No token", "Received event", "Attempting to send"),
}


class Frames:
    """Stands between Engine.IO and Socket.IO; a connection that floods or breaks the form is closed."""

    def __init__(self, server: Any) -> None:
        """`server` is socketio's."""
        self._server = server.eio
        self._begin, self._read, self._end = (
            server.eio.handlers[event] for event in ("connect", "message", "disconnect")
        )
        server.eio.on("connect", self.begin)
        server.eio.on("message", self.take)
        server.eio.on("disconnect", self.end)
        self._connections: dict[str, handshake_gate.Connection] = {}
        self._closing: set[str] = set()

    @cached_property
    def _paces(self) -> tuple[Pace, Pace]:
        """A connection's own, and what those of one owner share; there are settings once one is open."""
        count, seconds = process.settings().security.socket_events()
        return Pace(count, seconds), Pace(count * _SHARED, seconds)

    async def begin(self, connection: str, environ: Any) -> Any:
        """A handshake that came through the gate; its frames count against its address."""
        if (known := handshake_gate.connection_of(environ)) is not None:
            self._connections[connection] = known
        return await self._begin(connection, environ)

    async def take(self, connection: str, data: Any) -> None:
        """One message of a connection."""
        if connection in self._closing:
            return
        own, shared = self._paces
        known = self._connections.get(connection)
        if not own.take(connection) or (known and not shared.take(known.person or known.address)):
            metrics.rate_limit_exceeded_total.labels("socket").inc()
            await self._close(connection, "too_many_events")
        elif not isinstance(data, str) or data.startswith(_BINARY):
            await self._close(connection, "frame")
        else:
            try:
                await self._read(connection, data)
            except _UNREADABLE:
                await self._close(connection, "frame")

    async def end(self, connection: str, reason: str = "") -> None:
        """The connection is gone, whoever closed it."""
        try:
            await self._end(connection, reason)
        finally:
            self._connections.pop(connection, None)
            self._closing.discard(connection)
            self._paces[0].forget(connection)

    async def _close(self, connection: str, reason: str) -> None:
        """All of it, not the namespace alone, which could be opened again; a page comes back by itself."""
        socket = self._server.sockets.get(connection)
        if socket is None:
            return
        self._closing.add(connection)
        handshake_gate.refused.add(reason)
        await socket.close(wait=False)  # whoever reads nothing would keep us waiting
        await socket.queue.put(None)  # ends the writer, which hangs up


class Untold(logging.Filter):
    """Lines of the libraries about what a stranger sent: counted, and never written. A failure is."""

    def __init__(self, beginnings: tuple[str, ...]) -> None:
        super().__init__()
        self._beginnings = beginnings

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info or not record.getMessage().startswith(self._beginnings):
            return True
        handshake_gate.refused.add("library")
        return False


def quieten() -> None:
    """Put `Untold` on their loggers; handlers of their own go, which write beside our log."""
    for name, beginnings in _LOGGERS.items():
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.addFilter(Untold(beginnings))
