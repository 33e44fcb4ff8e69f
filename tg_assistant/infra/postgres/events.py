"""LISTEN/NOTIFY: hints that something changed. Losing one is harmless: waiters also poll."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import psycopg
import structlog
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.infra.postgres.db import run_text

log = structlog.get_logger()
_CHANNEL = "tg_assistant"


async def notify(db: AsyncSession, topic: str, key: str = "") -> None:
    """Tell every process on commit that `topic` ("login", "task") changed for `key`. Never a secret."""
    payload = json.dumps([topic, str(key)])
    await run_text(db, text("SELECT pg_notify(:c, :p)"), c=_CHANNEL, p=payload)


class Hint(asyncio.Event):
    """Set when something changed. Clear it, look at the database, and wait: so nothing said is missed."""

    async def within(self, seconds: float) -> None:
        """Wait until it is set, or so long: a hint may be lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait()


class Events:
    """One listening connection a process, fanned out to waiters by topic and key."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiters: dict[tuple[str, str | None], set[Hint]] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen, on a connection of its own; PostgreSQL may still be away."""
        self._task = asyncio.create_task(self._listen(), name="events")

    async def close(self) -> None:
        """Waits until the connection is given back; who still waits hears nothing more."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @asynccontextmanager
    async def _registered(self, topic: str, key: str | None) -> AsyncGenerator[Hint]:
        event = Hint()
        waiters = self._waiters.setdefault((topic, key), set())
        waiters.add(event)
        try:
            yield event
        finally:
            waiters.discard(event)
            if not waiters:
                self._waiters.pop((topic, key), None)

    def listening(self, topic: str, key: str | None = None) -> AbstractAsyncContextManager[Hint]:
        """Set by each `notify` of the topic, for this key or (None) any."""
        return self._registered(topic, key)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (psycopg.Error, OSError) as error:
                log.warning("events.reconnecting", error=type(error).__name__)
                await asyncio.sleep(1)

    async def _listen_once(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as connection:
            await connection.execute(f"LISTEN {_CHANNEL}")
            for waiters in self._waiters.values():  # whatever was said while we were away
                for waiter in waiters:
                    waiter.set()
            async for notice in connection.notifies():
                topic, key = json.loads(notice.payload)
                for waiter in (*self._waiters.get((topic, key), ()), *self._waiters.get((topic, None), ())):
                    waiter.set()
