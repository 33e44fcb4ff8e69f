"""Long polling that moves its offset only after the updates are committed."""

import asyncio
from typing import Any, cast

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramConflictError, TelegramRetryAfter
from aiogram.methods import GetUpdates

from bot.telegram import AWAY
from tg_assistant.core import health
from tg_assistant.core.messaging import inbox
from tg_assistant.errors import Unavailable
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
ALLOWED = ["message", "callback_query", "my_chat_member"]
_SECONDS = 25
_PAUSE = 2.0
_LONGEST_PAUSE = 60.0


class GetRawUpdates(GetUpdates):
    """getUpdates as Telegram sends it: one update that aiogram cannot read must not stop all others."""

    __returning__ = list[dict[str, Any]]


async def poll(rt: Runtime, bot: Bot) -> None:
    """Until cancelled. An update received twice is saved once, so a lost offset harms nothing."""
    receiving = _Receiving(rt, bot)
    failed = 0
    while True:
        try:
            await receiving.more()
            failed = 0
        except TelegramRetryAfter as error:
            await asyncio.sleep(error.retry_after)
        except (TelegramConflictError, Unavailable, *AWAY) as error:
            # another instance still polls, or somebody is away: what is not confirmed comes again
            log.warning("polling.waiting", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)
        except Exception:  # whatever it is: a bot that ends meets the same updates after its restart
            failed += 1
            log.exception("polling.failed", times=failed)
            await asyncio.sleep(min(_LONGEST_PAUSE, _PAUSE * 2.0 ** min(failed - 1, 10)))


class _Receiving:
    """How far Telegram's updates have been received."""

    def __init__(self, rt: Runtime, bot: Bot) -> None:
        self._rt, self._bot = rt, bot
        self._begun = self._polled = False
        self._offset: int | None = None

    async def more(self) -> None:
        """Wait for updates once. Telegram is told that we have them by the next call, after the commit."""
        if not self._begun:
            await self._bot.delete_webhook()  # Telegram refuses polling beside one; what waits for it is kept
            self._begun = True
        seconds = _SECONDS if self._polled else 0  # whether all is well is known at once, not after 25 s
        ask = GetRawUpdates(offset=self._offset, timeout=seconds, allowed_updates=ALLOWED)
        answer = await self._bot(ask, request_timeout=_SECONDS + 10)
        received = cast("list[dict[str, Any]]", answer)  # as GetRawUpdates has it
        async with self._rt.db.transaction() as db:
            await inbox.save(db, received)
            await health.bot_is_alive(db)
        self._polled = True
        if received:
            self._offset = received[-1]["update_id"] + 1
