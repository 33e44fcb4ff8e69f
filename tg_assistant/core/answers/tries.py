"""Tries to answer a question: counted before they begin, one at a time, and limited in number.

A try writes a heartbeat every few seconds. Without one for long its process has died or is stuck; this works
for processes on any machine, because only the database's clock is used.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.actor import Actor
from tg_assistant.errors import AlreadyExists, Unavailable
from tg_assistant.infra.runtime import Runtime
from tg_assistant.infra.text_work import TOO_SLOW
from tg_assistant.models import Question
from tg_assistant.texts import text as say

log = structlog.get_logger()
TRIES = 3  # tries begun; after them a question may be what crashes the processes
SILENT_SECONDS = 20.0  # a try without a heartbeat for this long is over: its process has died or is stuck
BEAT_SECONDS = 4.0
ABOUT_TO_BEGIN_SECONDS = 2.0  # from storing the question to the first try, by the door that stored it
PATIENCE_SECONDS = 120.0  # how long a caller waits for a try running elsewhere before AlreadyExists
LOOK_SECONDS = 0.5
_LATER = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds between retries while PostgreSQL is unavailable
_later: set[asyncio.Task[None]] = set()


def under_way() -> ColumnElement[bool]:
    """Return the SQL condition that a try is running: its heartbeat is recent.

    One far ahead was written before PostgreSQL's clock was set back, and does not count.
    """
    now, silent = func.clock_timestamp(), func.make_interval(0, 0, 0, 0, 0, 0, SILENT_SECONDS)
    return and_(
        col(Question.tried_at).is_not(None), col(Question.tried_at).between(now - silent, now + silent)
    )


def about_to_begin() -> ColumnElement[bool]:
    """Return the SQL condition that the question was stored just now and its door is about to try it."""
    now, moment = func.clock_timestamp(), func.make_interval(0, 0, 0, 0, 0, 0, ABOUT_TO_BEGIN_SECONDS)
    return and_(col(Question.attempts) == 0, col(Question.created_at).between(now - moment, now + moment))


async def is_free(db: AsyncSession, asked: Question) -> bool:
    """Return whether the question has no answer and no process is trying it, or about to."""
    at_it = or_(func.coalesce(under_way(), False), about_to_begin())
    free = col(Question.id) == asked.id, col(Question.answer).is_(None), ~at_it
    return (await db.exec(select(Question.id).where(*free))).first() is not None


async def give_up(db: AsyncSession, actor: Actor, asked: Question) -> bool:
    """Answer a question whose tries are used up with a sentence that says so; `abstained` stays NULL.

    Returns whether it did: not while a try is running, and not over an answer saved meanwhile.
    """
    last = col(Question.attempts) >= TRIES, col(Question.answer).is_(None), ~under_way()
    given = update(Question).where(col(Question.id) == asked.id, *last)
    given = given.values(answer=say("ask.given_up", actor.language), tried_at=None)
    given = given.execution_options(synchronize_session=False)
    return bool((await db.exec(given)).rowcount)


class Try:
    """Context manager of one try: counted in its own transaction on entry, with a heartbeat until exit.

    Of concurrent callers one enters; the others get AlreadyExists, as does a caller while a try is running or
    once TRIES are used up. A try that failed because a service was unavailable is not counted.
    """

    def __init__(self, rt: Runtime, actor: Actor, asked: Question) -> None:
        self._db, self._tenant_id, self._question_id = rt.db, actor.tenant, asked.id
        self._number = asked.attempts + 1

    async def __aenter__(self) -> None:
        begun = {"attempts": self._number, "tried_at": func.clock_timestamp()}
        free = or_(col(Question.tried_at).is_(None), ~under_way())
        if self._number > TRIES or not await self._write(self._number - 1, begun, free):
            raise AlreadyExists("answers.asked_before")
        self._beating = asyncio.create_task(self._beat())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._beating.cancel()
        await asyncio.gather(self._beating, return_exceptions=True)
        if isinstance(error, SystemExit | KeyboardInterrupt):
            return  # the process is exiting: leave the row as a kill would
        neighbour = isinstance(error, Unavailable) and error.code != TOO_SLOW
        ended = {"attempts": self._number - neighbour, "tried_at": None}
        try:
            await self._write(self._number, ended)
        except Unavailable:
            task = asyncio.create_task(self._write_later(ended))
            _later.add(task)
            task.add_done_callback(_later.discard)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            with suppress(Unavailable):
                await self._write(self._number, {"tried_at": func.clock_timestamp()})

    async def _write_later(self, values: dict[str, Any]) -> None:
        for pause in _LATER:
            await asyncio.sleep(pause)
            with suppress(Unavailable):
                await self._write(self._number, values)
                return
        log.warning("question.try_stays_counted", question_id=str(self._question_id))

    async def _write(self, number: int, values: dict[str, Any], *also: ColumnElement[bool]) -> bool:
        """Update the question if it has no answer and `number` tries; return whether it was."""
        known = col(Question.id) == self._question_id, col(Question.attempts) == number
        changed = update(Question).where(*known, col(Question.answer).is_(None), *also).values(**values)
        async with self._db.transaction(self._tenant_id) as db:
            done = await db.exec(changed.execution_options(synchronize_session=False))
            return bool(done.rowcount)
