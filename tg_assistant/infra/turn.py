"""Work that one process at a time may do, whoever else runs: held by a PostgreSQL advisory lock."""

import asyncio
from collections.abc import Awaitable, Callable

import psycopg
import structlog

log = structlog.get_logger()
_LOOK_SECONDS = 5.0


async def take_turns(url: str, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` while this process holds `name`; forever.

    The lock lives in one connection: a killed process gives it back at once, and a process whose connection
    is cut stops within moments. In these moments another may have begun, so `work` must bear being repeated.
    """
    while True:
        try:
            await _turn(url, name, work)
        except* (psycopg.Error, OSError) as lost:
            log.warning("turn.lost", name=name, error=type(lost.exceptions[0]).__name__)
        # a connection that breaks while we are being stopped hides the stop behind its own error
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError
        await asyncio.sleep(1)


async def _turn(url: str, name: str, work: Callable[[], Awaitable[None]]) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [name])
        async with asyncio.TaskGroup() as both:
            both.create_task(_watch(connection))
            both.create_task(_run(work))


async def _watch(connection: psycopg.AsyncConnection) -> None:
    """Raises when the connection is gone: a cut one says so itself, a silent one when it is asked."""
    while True:
        async for _ in connection.notifies(timeout=_LOOK_SECONDS):
            pass
        await connection.execute("SELECT 1")


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
