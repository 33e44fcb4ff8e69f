"""Writing what must not be lost although the database is away, or whoever learned it has been cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres.db import DatabaseError

log = structlog.get_logger()
_RETRY_SECONDS = 1.0
_running: set[asyncio.Task[None]] = set()


async def persistently(write: Callable[[], Awaitable[None]]) -> None:
    """Call `write` until it succeeds, also after the caller was cancelled; the process's end stops it."""
    task = asyncio.create_task(_until_done(write))
    _running.add(task)
    task.add_done_callback(_running.discard)
    await asyncio.shield(task)


async def _until_done(write: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await write()
        except (Unavailable, DatabaseError, OSError) as error:
            log.warning("write.retried", error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
