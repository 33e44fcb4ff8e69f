"""Sends notifications to people, such as of an ended session or a channel that became private."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramForbiddenError, TelegramRetryAfter

from bot.keyboards import notification_button
from bot.telegram import AWAY
from bot.words import say
from tg_assistant.core.messaging import outbox
from tg_assistant.core.messaging.outbox import Due
from tg_assistant.core.names import Topic
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres.db import Session
from tg_assistant.infra.runtime import Runtime
from tg_assistant.texts import has

log = structlog.get_logger()
_POLL_SECONDS = 10.0
_AWAY_SECONDS = 15.0


class Notifier:
    """Sends due notifications; one process at a time runs this."""

    def __init__(self, rt: Runtime, bot: Bot) -> None:
        self._rt, self._bot = rt, bot

    async def run(self) -> None:
        """Send notifications as they become due, until cancelled."""
        async with self._rt.events.listening(Topic.notification) as something:
            while True:
                something.clear()
                with suppress(Unavailable):
                    while await self.drain() == outbox.BATCH:
                        pass
                await something.within(_POLL_SECONDS)

    async def drain(self) -> int:
        """Send the notifications that are due, at most `outbox.BATCH`; return how many there were."""
        async with self._rt.db.transaction() as db:
            owed = await outbox.due(db)
        for each in owed:
            # sent first, outside any transaction, then recorded: delivered at least once
            write = await self._outcome(each)
            async with self._rt.db.transaction() as db:
                await write(db)
        return len(owed)

    async def _outcome(self, owed: Due) -> Callable[[Session], Awaitable[None]]:
        """Send a notification; return the function that records the outcome."""
        async with self._rt.db.transaction() as db:
            if not await outbox.still_owed(db, owed):
                return lambda db: outbox.drop(db, owed, "no member")
        try:
            await self._send(owed)
        except TelegramForbiddenError:
            return lambda db: outbox.drop(db, owed, "blocked")
        except TelegramRetryAfter as error:
            wait = float(error.retry_after)
            return lambda db: outbox.postpone(db, owed, wait, counted=False)
        except AWAY:
            return lambda db: outbox.postpone(db, owed, _AWAY_SECONDS, counted=False)
        except (TelegramAPIError, KeyError, IndexError) as error:
            # refused, or its text lacks a value: retried with growing pauses, then abandoned; others go on
            log.warning("notification.failed", code=owed.code, error=type(error).__name__)
            return lambda db: outbox.postpone(db, owed, 2.0**owed.attempts * 5)
        return lambda db: outbox.sent(db, owed)

    async def _send(self, owed: Due) -> None:
        code = f"notifications.{owed.code}"
        if has(because := f"{code}.{owed.args.get('reason')}"):
            code = because
        if not has(code):
            raise KeyError(code)
        keyboard = notification_button(self._rt.settings, owed.code, owed.language)
        await self._bot.send_message(
            owed.telegram_id, say(code, owed.language, **owed.args), reply_markup=keyboard
        )
