"""The Bot API as aiogram speaks it, and how its waits and outages are met."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakValueDictionary

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

from tg_assistant.settings.groups import Settings

log = structlog.get_logger()
AWAY = (TelegramNetworkError, TelegramServerError)  # Telegram's fault or the network's, and it passes
_ONCE = (GetUpdates, SendChatAction, SendMessageDraft, AnswerCallbackQuery)  # pointless when late
_PAUSES = (0.5, 1.0, 2.0)
_LONGEST_WAIT = 60  # seconds; Telegram rarely asks a bot for more
_RECENT = 90.0  # a long poll answers at least every 25 s
_allowed: ContextVar[Callable[[], Awaitable[object]] | None] = ContextVar("allowed", default=None)


@contextmanager
def only_while(allowed: Callable[[], Awaitable[object]]) -> Generator[None]:
    """What is sent inside is asked about right before each try, be it a minute later; `allowed` raises.

    Between a look and the sending there may be an outage of Telegram's, or a wait that it asked for.
    """
    before = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(before)


class Contact:
    """What is known of Telegram: whether it answers, and whether our commands stand there."""

    def __init__(self) -> None:
        self.announced = False
        self._answered_at = 0.0

    def answered(self) -> None:
        """Telegram has just answered a call."""
        self._answered_at = time.monotonic()

    def recent(self) -> bool:
        """Whether it did within 90 seconds."""
        return time.monotonic() - self._answered_at < _RECENT


class Patience(BaseRequestMiddleware):
    """Waits as long as Telegram says, and tries again what the network broke."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._quiet: dict[object, float] = {}  # chat → until when Telegram wants to hear nothing for it
        self._turns: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Any:
        if (chat := _chat(method)) is None:
            return await self._patiently(make_request, bot, method)
        # one after another in a chat: what is under way when Telegram says "wait" would come too early
        turn = self._turns.get(chat) or self._turns.setdefault(chat, asyncio.Lock())
        async with turn:
            return await self._patiently(make_request, bot, method)

    async def _patiently(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Any:
        pauses = iter(() if isinstance(method, _ONCE) else _PAUSES)
        while True:
            await self._keep_quiet(method)
            if (allowed := _allowed.get()) is not None:
                await allowed()
            try:
                answer = await make_request(bot, method)
            except (TelegramRetryAfter, *AWAY) as error:
                if isinstance(error, TelegramRetryAfter):
                    self._quiet[_chat(method)] = time.monotonic() + error.retry_after
                pause = next(pauses, None)
                if pause is None:
                    raise
                log.info("telegram.retry", method=type(method).__name__, error=type(error).__name__)
                await asyncio.sleep(0 if isinstance(error, TelegramRetryAfter) else pause)
            else:
                self._contact.answered()
                return answer

    async def _keep_quiet(self, method: TelegramMethod[Any]) -> None:
        """Whoever asked: a wait holds for all that is sent to that chat. Raises when it is too long."""
        left = self._quiet.get(_chat(method), 0.0) - time.monotonic()
        if left <= 0:
            self._quiet.pop(_chat(method), None)
            return
        if isinstance(method, _ONCE) or left > _LONGEST_WAIT:
            raise TelegramRetryAfter(method, "asked to wait", retry_after=math.ceil(left))
        await asyncio.sleep(left)


def _chat(method: TelegramMethod[Any]) -> object:
    return getattr(method, "chat_id", None)


@asynccontextmanager
async def open_bot(settings: Settings, contact: Contact) -> AsyncGenerator[Bot]:
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
