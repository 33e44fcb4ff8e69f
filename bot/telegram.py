"""The Bot API as aiogram speaks it, and how its waits and outages are met."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.methods import AnswerCallbackQuery, GetUpdates, SendChatAction, SendMessageDraft, TelegramMethod

from tg_assistant.settings import Settings

log = structlog.get_logger()
AWAY = (TelegramNetworkError, TelegramServerError)  # Telegram's fault or the network's, and it passes
_ONCE = (GetUpdates, SendChatAction, SendMessageDraft, AnswerCallbackQuery)  # pointless when late
_PAUSES = (0.5, 1.0, 2.0)
_LONGEST_WAIT = 60  # seconds; Telegram rarely asks a bot for more
_RECENT = 90.0  # a long poll answers at least every 25 s


class Contact:
    """What is known of Telegram: whether it answers, and whether our commands stand there."""

    def __init__(self) -> None:
        self.announced = False
        self._answered_at = 0.0

    def answered(self) -> None:
        self._answered_at = time.monotonic()

    def recent(self) -> bool:
        return time.monotonic() - self._answered_at < _RECENT


class Patience(BaseRequestMiddleware):
    """Waits as long as Telegram says, and tries again what the network broke."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Any:
        pauses = iter(() if isinstance(method, _ONCE) else _PAUSES)
        while True:
            try:
                answer = await make_request(bot, method)
            except (TelegramRetryAfter, *AWAY) as error:
                pause = next(pauses, None)
                if pause is None or _asked(error) > _LONGEST_WAIT:
                    raise
                log.info("telegram.retry", method=type(method).__name__, error=type(error).__name__)
                await asyncio.sleep(max(pause, _asked(error)))
            else:
                self._contact.answered()
                return answer


def _asked(error: Exception) -> float:
    """Seconds Telegram asked us to wait."""
    return error.retry_after if isinstance(error, TelegramRetryAfter) else 0


@asynccontextmanager
async def open_bot(settings: Settings, contact: Contact) -> AsyncIterator[Bot]:
    """HTML, no link previews; another Bot API server when the settings name one."""
    base = settings.telegram.bot_api_base
    session = AiohttpSession(api=TelegramAPIServer.from_base(base) if base else PRODUCTION)
    session.middleware(Patience(contact))
    defaults = DefaultBotProperties(parse_mode=ParseMode.HTML, link_preview_is_disabled=True)
    bot = Bot(settings.telegram.bot_token.get_secret_value(), session=session, default=defaults)
    try:
        yield bot
    finally:
        await session.close()


def is_same(error: TelegramBadRequest) -> bool:
    """An edit that changes nothing: a repeated update, or a button pressed twice."""
    return "message is not modified" in error.message
