"""Work that one process at a time may do, whoever else runs: held by a PostgreSQL advisory lock."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import structlog

from tg_assistant.errors import Unavailable

log = structlog.get_logger()
_LOOK_SECONDS = 5.0


async def take_turns(url: str, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` while this process holds `name`; forever.

    The lock lives in one connection: a killed process gives it back at once, and a process whose connection
    is cut stops within moments. In these moments another may have begun, so `work` must bear being repeated.
    """
    while True:
        # a task of its own each: before Python 3.13 a TaskGroup whose child failed leaves its parent task
        # marked as being cancelled (cpython gh-116720), and the next look below would take that for a stop
        turn = asyncio.create_task(_turn(url, name, work))
        try:
            await turn
        except* (psycopg.Error, OSError) as lost:
            log.warning("turn.lost", name=name, error=type(lost.exceptions[0]).__name__)
        # a connection that breaks while we are being stopped hides the stop behind its own error
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError
        await asyncio.sleep(1)


@asynccontextmanager
async def alone(url: str, name: str, *, wait: bool = True) -> AsyncGenerator[bool]:
    """Hold `name` for a piece of work; yields False when another holds it and `wait` is False.

    The lock is a connection's of its own, so no transaction stays open meanwhile, and it ends with the
    process. Raises Unavailable when PostgreSQL cannot be reached.
    """
    take = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
    try_ = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
    try:
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
    except psycopg.OperationalError as error:
        raise Unavailable("database.unavailable", retry_after=2) from error
    try:
        answer = await connection.execute(take if wait else try_, [name])
        row = await answer.fetchone()
        yield wait or bool(row and row[0])
    finally:
        await connection.close()


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
