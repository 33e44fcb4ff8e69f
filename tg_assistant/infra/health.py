"""Each process's internal port: `/health`, `/live` (503 with the failing check named) and `/metrics`."""

import asyncio
import errno
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from sqlalchemy import text

from tg_assistant.errors import Unavailable
from tg_assistant.infra import metrics
from tg_assistant.infra.postgres.db import Database, run_text

Check = Callable[[], Awaitable[Mapping[str, bool]]]
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_SECONDS = 3.0


async def database_answers(db: Database) -> bool:
    """Return whether PostgreSQL answers within three seconds."""
    try:
        async with asyncio.timeout(_SECONDS), db.transaction() as session:
            await run_text(session, text("SELECT 1"))
    except (TimeoutError, Unavailable):
        return False
    return True


async def serve_health(
    port: int,
    check: Check,
    *,
    live: Check,
    host: str = "127.0.0.1",
    page: Callable[[], bytes] = metrics.page,
) -> None:
    """Serve until cancelled. `check` and `live` return the results of checks by name.

    `/health` runs both; `/live` runs only `live`, checks that a restart of this process could mend, without
    other services. `page` renders the metrics. Of several workers of one process one has the port, and
    another takes it over when that one ends.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError, IndexError, EOFError, asyncio.LimitOverrunError):
            async with asyncio.timeout(2 * _SECONDS):
                request = await reader.readuntil(b"\r\n\r\n")
                writer.write(await _response(request, check, live, page))
                await writer.drain()
        writer.close()

    async with await _listening(answer, host, port) as server:
        await server.serve_forever()


async def _listening(answer: Answer, host: str, port: int) -> asyncio.Server:
    while True:
        try:
            return await asyncio.start_server(answer, host, port, limit=8192)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            await asyncio.sleep(_SECONDS)


async def _response(request: bytes, check: Check, live: Check, page: Callable[[], bytes]) -> bytes:
    path = request.split(b" ", 2)[1].partition(b"?")[0]
    if path == b"/metrics":
        return _http("200 OK", page(), metrics.CONTENT_TYPE)
    if path not in (b"/health", b"/live"):
        return _json("404 Not Found", {"status": "not found"})
    checks = dict(await live()) | (dict(await check()) if path == b"/health" else {})
    failing = [name for name, well in checks.items() if not well]
    if failing:
        return _json("503 Service Unavailable", {"status": "failing", "failing": failing, "checks": checks})
    return _json("200 OK", {"status": "ok", "checks": checks})


def _json(status: str, content: Mapping[str, object]) -> bytes:
    return _http(status, json.dumps(content).encode(), "application/json")


def _http(status: str, body: bytes, content_type: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body
