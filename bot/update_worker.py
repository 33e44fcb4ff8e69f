"""Passes committed updates to the dispatcher: in order per chat, chats concurrently, at least once."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import TelegramAPIError, TelegramRetryAfter
from aiogram.types import Update
from pydantic import ValidationError

from bot.telegram import AWAY
from bot.words import error_text
from tg_assistant.core.messaging import albums, inbox
from tg_assistant.core.messaging.inbox import TRIES, Pending
from tg_assistant.core.names import Topic
from tg_assistant.errors import Unavailable
from tg_assistant.infra.clock import agreed
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
LANES = 32  # chats processed at once
_POLL_SECONDS = 2.0
_SWEEP_SECONDS = 3600.0
_ALBUM_SECONDS = 0.7  # Telegram sends the parts together, but to a webhook one after another
_PAUSES = (0.2, 0.5, 1.0, 2.0, 0.0)  # after each failed try
_LONGEST_PAUSE = 30.0


class Processor:
    """Processes updates; one process at a time runs this. A lane is busy while an update of it is handled."""

    def __init__(self, rt: Runtime, bot: Bot, dispatcher: Dispatcher) -> None:
        self._rt, self._bot, self._dispatcher = rt, bot, dispatcher
        self._busy: set[str] = set()

    async def run(self) -> None:
        """Process updates until cancelled; those in progress stay undone and are processed again."""
        try:
            async with (
                self._rt.events.listening(Topic.update) as something,
                asyncio.TaskGroup() as lanes,
            ):
                lanes.create_task(self._sweep())
                while True:
                    something.clear()
                    for head in await self._heads():
                        self._busy.add(head.lane)
                        lanes.create_task(self._lane(head, something))
                    await something.within(_POLL_SECONDS)
        finally:
            self._busy.clear()

    async def _heads(self) -> list[Pending]:
        free = LANES - len(self._busy)
        if not free:
            return []
        try:
            async with self._rt.db.transaction() as db:
                return await inbox.heads(db, busy=self._busy, most=free)
        except Unavailable:
            return []

    async def _lane(self, head: Pending, something: asyncio.Event) -> None:
        structlog.contextvars.bind_contextvars(update_id=head.update_id)
        try:
            await self._until_done(head)
        except Unavailable:
            log.warning("update.postponed")  # PostgreSQL, which holds the update, is away
            await asyncio.sleep(_POLL_SECONDS)
        finally:
            self._busy.discard(head.lane)
            something.set()

    async def _until_done(self, head: Pending) -> None:
        away = 0
        tries = head.attempts
        while tries < TRIES:
            async with self._rt.db.transaction() as db:
                tries = await inbox.begin(db, head.update_id)
            try:
                await self._feed(head)
            except (TelegramRetryAfter, Unavailable, *AWAY) as error:
                log.warning("update.waiting", error=type(error).__name__)
                async with self._rt.db.transaction() as db:
                    tries = await inbox.give_back(db, head.update_id)
                await asyncio.sleep(_pause(error, away := away + 1))
            except Exception:  # one bad update must not stop the others
                log.exception("update.failed", tries=tries)
                await asyncio.sleep(_PAUSES[tries - 1])
            else:
                async with self._rt.db.transaction() as db:
                    await inbox.finish(db, head.update_id)
                return
        await self._hold(head)

    async def _feed(self, head: Pending) -> None:
        payload = await self._whole(head)
        if payload is None:
            return
        try:
            update = Update.model_validate(payload, context={"bot": self._bot})
        except ValidationError as error:  # its message would put the person's text into the log
            raise ValueError(f"not an update: {error.error_count()} wrong fields") from None
        await self._dispatcher.feed_update(self._bot, update)

    async def _whole(self, head: Pending) -> dict[str, Any] | None:
        """The update, of an album with all its captions; None for a part of an album that is answered."""
        if not albums.is_part(head.payload):
            return head.payload
        await asyncio.sleep(_ALBUM_SECONDS)
        async with self._rt.db.transaction() as db:
            return await albums.gather(db, head.update_id)

    async def _hold(self, head: Pending) -> None:
        """Notify the person, and keep the update in the table, for the operator who reads the log.

        An update whose last try ended with the process is held without another try.
        """
        reference = uuid4().hex[:8]
        log.error("update.held", reference=reference)
        if person := _sender(head.payload):
            await self._tell(person, reference)
        async with self._rt.db.transaction() as db:
            await inbox.hold(db, head.update_id)

    async def _tell(self, person: dict[str, Any], reference: str) -> None:
        sentence = error_text("internal", person.get("language_code"), reference=reference)
        away = 0
        while True:
            try:
                await self._bot.send_message(person["id"], sentence)
            except (TelegramRetryAfter, *AWAY) as error:
                await asyncio.sleep(_pause(error, away := away + 1))
            except TelegramAPIError:  # refused, such as by a person who has blocked the bot
                return
            else:
                return

    async def _sweep(self) -> None:
        while True:
            with suppress(Unavailable):
                async with self._rt.db.transaction() as db:
                    if await agreed(db, self._rt.clock) is not None:
                        await inbox.sweep(db)
            await asyncio.sleep(_SWEEP_SECONDS)


def _sender(payload: dict[str, Any]) -> dict[str, Any] | None:
    """The sender in an update that may be malformed; None if there is none."""
    for kind in ("message", "callback_query"):
        part = payload.get(kind)
        person = part.get("from") if isinstance(part, dict) else None
        if isinstance(person, dict) and isinstance(person.get("id"), int):
            return person
    return None


def _pause(error: Exception, times: int) -> float:
    asked = error.retry_after if isinstance(error, TelegramRetryAfter) else 0
    return max(float(asked), min(_LONGEST_PAUSE, 2.0**times))
