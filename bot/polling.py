"""Long polling that advances its offset only after the updates are committed."""

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
    """getUpdates with raw results: an update that aiogram cannot parse must not block all others."""

    __returning__ = list[dict[str, Any]]


async def poll(rt: Runtime, bot: Bot) -> None:
    """Receive updates until cancelled. Losing the offset is safe: an update received twice is saved once."""
    receiving = _Receiving(rt, bot)
    failed = 0
    while True:
        try:
            await receiving.more()
            failed = 0
        except TelegramRetryAfter as error:
            await asyncio.sleep(error.retry_after)
        except (TelegramConflictError, Unavailable, *AWAY) as error:
            # another instance is polling, or a service is away: unconfirmed updates are sent again
            log.warning("polling.waiting", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)
        except Exception:  # any bug: a bot that exits would receive the same updates after its restart
            failed += 1
            log.exception("polling.failed", times=failed)
            await asyncio.sleep(min(_LONGEST_PAUSE, _PAUSE * 2.0 ** min(failed - 1, 10)))


class _Receiving:
    """The position in Telegram's updates."""

    def __init__(self, rt: Runtime, bot: Bot) -> None:
        self._rt, self._bot = rt, bot
        self._begun = self._polled = False
        self._offset: int | None = None

    async def more(self) -> None:
        """Wait for updates once and save them. The next call, after the commit, confirms them to Telegram."""
        if not self._begun:
            await (
                self._bot.delete_webhook()
            )  # Telegram refuses polling while one is set; pending updates are kept
            self._begun = True
        seconds = _SECONDS if self._polled else 0  # the first call returns at once, so that health is known
        ask = GetRawUpdates(offset=self._offset, timeout=seconds, allowed_updates=ALLOWED)
        answer = await self._bot(ask, request_timeout=_SECONDS + 10)
        received = cast("list[dict[str, Any]]", answer)  # the type that GetRawUpdates returns
        async with self._rt.db.transaction() as db:
            await inbox.save(db, received)
            await health.bot_is_alive(db)
        self._polled = True
        if received:
            self._offset = received[-1]["update_id"] + 1
