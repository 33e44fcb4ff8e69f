"""aiogram's client of the Bot API, with handling of Telegram's waits and outages."""

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
AWAY = (TelegramNetworkError, TelegramServerError)  # temporary failures of Telegram or the network
_ONCE = (GetUpdates, SendChatAction, SendMessageDraft, AnswerCallbackQuery)  # pointless when late
_PAUSES = (0.5, 1.0, 2.0)
_LONGEST_WAIT = 60  # seconds; Telegram rarely asks a bot for more
_RECENT = 90.0  # a long poll answers at least every 25 s
_allowed: ContextVar[Callable[[], Awaitable[object]] | None] = ContextVar("allowed", default=None)


@contextmanager
def only_while(allowed: Callable[[], Awaitable[object]]) -> Generator[None]:
    """Call `allowed` right before each try to send inside the block; it raises if that is no longer allowed.

    A try may be a minute later: after an outage of Telegram, or after a wait that Telegram asked for.
    """
    before = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(before)


class Contact:
    """The state of our contact with Telegram: its last answer, and whether the profile has been set."""

    def __init__(self) -> None:
        self.announced = False
        self._answered_at = 0.0

    def answered(self) -> None:
        """Record that Telegram has just answered a call."""
        self._answered_at = time.monotonic()

    def recent(self) -> bool:
        """Whether Telegram has answered within 90 seconds."""
        return time.monotonic() - self._answered_at < _RECENT


class Patience(BaseRequestMiddleware):
    """Waits as long as Telegram demands, and retries after failures of the network."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._quiet: dict[object, float] = {}  # chat → end of the wait that Telegram demanded (monotonic)
        self._turns: WeakValueDictionary[object, asyncio.Lock] = WeakValueDictionary()

    async def __call__(
        self, make_request: NextRequestMiddlewareType[Any], bot: Bot, method: TelegramMethod[Any]
    ) -> Any:
        if (chat := _chat(method)) is None:
            return await self._patiently(make_request, bot, method)
        # one request at a time per chat: concurrent ones would break a wait that Telegram demands
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
        """Wait as long as Telegram demanded for this chat, whichever request was refused.

        Raises TelegramRetryAfter if that is over 60 seconds, or the request is pointless when late.
        """
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
    """Open a bot that sends HTML without link previews, to the Bot API server that the settings name."""
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
    """Whether an edit failed because it changes nothing: a repeated update, or a button pressed twice."""
    return "message is not modified" in error.message
