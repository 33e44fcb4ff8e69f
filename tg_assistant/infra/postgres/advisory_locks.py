"""Mutual exclusion between processes, by PostgreSQL's advisory locks."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import structlog

from tg_assistant.errors import Unavailable

log = structlog.get_logger()
_LOOK_SECONDS = 5.0


async def take_turns(url: str, name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run `work` while this process holds the lock `name`; again and again, until cancelled.

    The lock belongs to one connection: it is released as soon as the process is killed. If the connection is
    cut, `work` is cancelled within seconds; another process may have started meanwhile, so `work` must be
    repeatable.
    """
    while True:
        # a separate task: before Python 3.13 a TaskGroup whose child failed leaves its parent task marked as
        # being cancelled (cpython gh-116720), which the check below would mistake for a stop
        turn = asyncio.create_task(_turn(url, name, work))
        try:
            await turn
        except* (psycopg.Error, OSError) as lost:
            log.warning("turn.lost", name=name, error=type(lost.exceptions[0]).__name__)
        # if the connection breaks while we are being cancelled, its error hides the cancellation
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError
        await asyncio.sleep(1)


@asynccontextmanager
async def alone(url: str, name: str, *, wait: bool = True) -> AsyncGenerator[bool]:
    """Hold the lock `name` while the block runs; yields False if it is taken and `wait` is False.

    The lock belongs to a separate connection, so that no transaction stays open, and is released when the
    process ends. Raises Unavailable when PostgreSQL cannot be reached.
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
    """Raise when the connection is lost: a cut one raises by itself, a silent one on the next query."""
    while True:
        async for _ in connection.notifies(timeout=_LOOK_SECONDS):
            pass
        await connection.execute("SELECT 1")


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()
