"""Long polling that moves its offset only after the updates are committed."""

import asyncio
from typing import Any

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramConflictError, TelegramRetryAfter
from aiogram.methods import GetUpdates

from bot.telegram import AWAY
from tg_assistant.core import updates
from tg_assistant.errors import Unavailable
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
ALLOWED = ["message", "callback_query", "my_chat_member"]
_SECONDS = 25
_PAUSE = 2.0


class GetRawUpdates(GetUpdates):
    """getUpdates as Telegram sends it: one update that aiogram cannot read must not stop all others."""

    __returning__ = list[dict[str, Any]]  # type: ignore[assignment]


async def poll(rt: Runtime, bot: Bot) -> None:
    """Until cancelled. An update received twice is saved once, so a lost offset harms nothing."""
    await _without_webhook(bot)
    offset: int | None = None
    while True:
        try:
            ask = GetRawUpdates(offset=offset, timeout=_SECONDS, allowed_updates=ALLOWED)
            received: list[dict[str, Any]] = await bot(ask, request_timeout=_SECONDS + 10)  # type: ignore[assignment]
            if received:
                async with rt.db.transaction() as db:
                    await updates.save(db, received)
                offset = received[-1]["update_id"] + 1
        except TelegramRetryAfter as error:
            await asyncio.sleep(error.retry_after)
        except (TelegramConflictError, Unavailable, *AWAY) as error:
            # another instance still polls, or somebody is away: what is not confirmed comes again
            log.warning("polling.waiting", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)


async def _without_webhook(bot: Bot) -> None:
    """Telegram refuses polling while a webhook is set; what waits for it is kept."""
    while True:
        try:
            await bot.delete_webhook()
            return
        except (TelegramRetryAfter, *AWAY) as error:
            log.warning("polling.waiting", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)
