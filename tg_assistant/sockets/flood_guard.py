"""Limits on the frames of a connection, before Socket.IO parses them: their rate, and text frames only.

python-socketio buffers as many binary attachments as a client announces, and logs a traceback for each frame
it cannot parse; our pages send only text.
"""

import logging
from functools import cached_property
from typing import Any

from tg_assistant.infra import metrics
from tg_assistant.sockets import connection_limits
from tg_assistant.sockets.token_bucket import Pace
from tg_assistant.web import process

_SHARED = (
    5  # a person's connections, or an address's anonymous ones, share this many times one connection's limit
)
_BINARY = ("5", "6")  # types of Socket.IO packets that announce binary attachments
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
# loggers of libraries that repeat what a client sent, and the prefixes of those lines ("" for all lines)
_LOGGERS = {
    "engineio.server": ("",),
    "socketio.server": ("",),
    "reflex.app": ("Frontend ", "No token", "Received event", "Attempting to send"),
}


class Frames:
    """Filters messages between Engine.IO and Socket.IO; closes connections that flood or send bad frames."""

    def __init__(self, server: Any) -> None:
        """`server` is the `socketio.AsyncServer` whose Engine.IO handlers are wrapped."""
        self._server = server.eio
        self._begin, self._read, self._end = (
            server.eio.handlers[event] for event in ("connect", "message", "disconnect")
        )
        server.eio.on("connect", self.begin)
        server.eio.on("message", self.take)
        server.eio.on("disconnect", self.end)
        self._connections: dict[str, connection_limits.Connection] = {}
        self._closing: set[str] = set()

    @cached_property
    def _paces(self) -> tuple[Pace, Pace]:
        """The rate of one connection, and the rate that all connections of one person or address share.

        Built at first use, because the settings are not loaded at import time.
        """
        count, seconds = process.settings().security.socket_events()
        return Pace(count, seconds), Pace(count * _SHARED, seconds)

    async def begin(self, connection: str, environ: Any) -> Any:
        """Engine.IO's `connect`: remember the connection, if it passed the gate, to count its frames."""
        if (known := connection_limits.connection_of(environ)) is not None:
            self._connections[connection] = known
        return await self._begin(connection, environ)

    async def take(self, connection: str, data: Any) -> None:
        """Engine.IO's `message`: pass it on to Socket.IO, or close the connection."""
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
        """Engine.IO's `disconnect`, whichever side closed the connection: drop its state."""
        try:
            await self._end(connection, reason)
        finally:
            self._connections.pop(connection, None)
            self._closing.discard(connection)
            self._paces[0].forget(connection)

    async def _close(self, connection: str, reason: str) -> None:
        """Close the whole connection: the namespace alone could be reopened. A page reconnects by itself."""
        socket = self._server.sockets.get(connection)
        if socket is None:
            return
        self._closing.add(connection)
        connection_limits.refused.add(reason)
        await socket.close(wait=False)  # waiting would block on a client that does not read
        await socket.queue.put(None)  # ends the writer task, which closes the connection


class Untold(logging.Filter):
    """Drops and counts the libraries' log lines about what a client sent. Lines with an exception stay."""

    def __init__(self, beginnings: tuple[str, ...]) -> None:
        super().__init__()
        self._beginnings = beginnings

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info or not record.getMessage().startswith(self._beginnings):
            return True
        connection_limits.refused.add("library")
        return False


def quieten() -> None:
    """Add `Untold` to the libraries' loggers, and remove their own handlers, which bypass our log."""
    for name, beginnings in _LOGGERS.items():
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.addFilter(Untold(beginnings))
