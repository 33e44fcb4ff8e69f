"""LISTEN/NOTIFY as hints that something changed. Losing one is harmless, because waiters also poll."""

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
    """Notify all processes, on commit, that `topic` changed for `key`, which must not be a secret."""
    payload = json.dumps([topic, str(key)])
    await run_text(db, text("SELECT pg_notify(:c, :p)"), c=_CHANNEL, p=payload)


class Hint(asyncio.Event):
    """An event set when something changed. Clear it, query the database, then wait, so as to miss nothing."""

    async def within(self, seconds: float) -> None:
        """Wait until it is set, for at most `seconds`, because a hint may be lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.wait()


class Events:
    """The process's one listening connection, whose notifications go to waiters by topic and key."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiters: dict[tuple[str, str | None], set[Hint]] = {}
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start to listen in the background; PostgreSQL may be unavailable."""
        self._task = asyncio.create_task(self._listen(), name="events")

    async def close(self) -> None:
        """Stop listening and close the connection; remaining waiters get no more hints."""
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
        """Return a context with a Hint that each `notify` of the topic sets, for this key or (None) any."""
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
            for waiters in self._waiters.values():  # notifications may have been missed while disconnected
                for waiter in waiters:
                    waiter.set()
            async for notice in connection.notifies():
                topic, key = json.loads(notice.payload)
                for waiter in (*self._waiters.get((topic, key), ()), *self._waiters.get((topic, None), ())):
                    waiter.set()
