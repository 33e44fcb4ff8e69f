"""What comes over a connection, before anything reads it: so much at once, and nothing no page would send.

python-socketio gathers as many binary pieces as a stranger announces, and writes a traceback for each frame
it cannot read; a page of ours sends text alone.
"""

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any

from tg_assistant import process
from tg_assistant.infra import metrics
from tg_assistant.pace import Pace

_SHARED = 5  # times a connection's frames for all of a person's, or of an address's that are nobody's
_BINARY = ("5", "6")  # Socket.IO's packets that announce binary pieces
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
_LOGGERS = {
    "engineio.server": "",
    "socketio.server": "",
    "reflex.app": "Frontend ",
}  # and their lines' beginning
_LONGEST = 300  # characters of such a line


class Frames:
    """Stands between Engine.IO and Socket.IO; a connection that floods or breaks the form is closed."""

    def __init__(self, server: Any, refused: Callable[[str], None]) -> None:
        """`server` is socketio's; `refused` hears why, of each connection that is closed."""
        self._server, self._refused = server.eio, refused
        self._read, self._end = server.eio.handlers["message"], server.eio.handlers["disconnect"]
        server.eio.on("message", self.take)
        server.eio.on("disconnect", self.end)
        self._owners: dict[str, str] = {}  # connection → its person, or its address while it is nobody's
        self._closing: set[str] = set()

    @cached_property
    def _paces(self) -> tuple[Pace, Pace]:
        """A connection's own, and what those of one owner share; there are settings once one is open."""
        count, seconds = process.settings().security.socket_events()
        return Pace(count, seconds), Pace(count * _SHARED, seconds)

    def admit(self, connection: str, address: str) -> bool:
        """Whether this address may open one more now; its frames count against it until somebody signs in."""
        self._owners[connection] = address
        return self._paces[1].take(address)

    def belongs(self, connection: str, person: str) -> None:
        """From now on its frames count against the person."""
        if connection in self._owners:
            self._owners[connection] = person

    async def take(self, connection: str, data: Any) -> None:
        """One message of a connection."""
        if connection in self._closing:
            return
        own, shared = self._paces
        owner = self._owners.get(connection)
        if not own.take(connection) or (owner is not None and not shared.take(owner)):
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
            self._owners.pop(connection, None)
            self._closing.discard(connection)
            self._paces[0].forget(connection)

    async def _close(self, connection: str, reason: str) -> None:
        """All of it, not the namespace alone, which could be opened again; a page comes back by itself."""
        socket = self._server.sockets.get(connection)
        if socket is None:
            return
        self._closing.add(connection)
        self._refused(reason)
        await socket.close(wait=False)  # whoever reads nothing would keep us waiting
        await socket.queue.put(None)  # ends the writer, which hangs up


class Untold(logging.Filter):
    """Lines of the libraries about what a stranger sent: few of them, short, and without a traceback."""

    def __init__(self, spend: Callable[[], bool], begins: str) -> None:
        super().__init__()
        self._spend, self._begins = spend, begins

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if not said.startswith(self._begins):
            return True
        record.msg, record.args = said[:_LONGEST], ()
        record.exc_info = record.exc_text = None
        return self._spend()


def quieten(spend: Callable[[], bool]) -> None:
    """Put `Untold` on their loggers; handlers of their own go, which write beside our log."""
    for name, begins in _LOGGERS.items():
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        logger.addFilter(Untold(spend, begins))
