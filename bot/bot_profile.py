"""The bot's profile in Telegram: commands and descriptions per language, and the app's menu button."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import structlog
from aiogram import BaseMiddleware, Bot
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramRetryAfter
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    MenuButtonCommands,
    MenuButtonWebApp,
    TelegramObject,
    WebAppInfo,
)

from bot.actor_middleware import Handler
from bot.keyboards import app_button, app_url
from bot.telegram import AWAY, Contact
from tg_assistant.core.actor import Actor
from tg_assistant.models import Role
from tg_assistant.settings.groups import Settings
from tg_assistant.texts import text

log = structlog.get_logger()
COMMANDS = (
    *("ask", "search", "channels", "add", "sessions"),
    *("language", "help", "privacy", "delete_me", "cancel"),
)
_SPOKEN = {"": "en", "ru": "ru"}  # Telegram's language_code ("" for all others) → ours
_PAUSE = 5.0
_REMEMBERED = 10_000  # people; the profile of those evicted is sent once more


async def until_done(settings: Settings, bot: Bot, contact: Contact) -> None:
    """Send the profile once per start, retrying while Telegram is away. Identical values change nothing."""
    while not contact.announced:
        try:
            await announce(settings, bot)
            contact.announced = True
        except (TelegramRetryAfter, *AWAY) as error:
            log.warning("bot_profile.waiting", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)


async def announce(settings: Settings, bot: Bot) -> None:
    """Set commands, descriptions and the menu button by Telegram's language, for people new to the bot."""
    for code, language in _SPOKEN.items():
        await bot.set_my_commands(
            _described(COMMANDS, language),
            scope=BotCommandScopeAllPrivateChats(),
            language_code=code or None,
        )
        await bot.set_my_description(text("bot.description", language), language_code=code or None)
        await bot.set_my_short_description(
            text("bot.short_description", language), language_code=code or None
        )
    await _menu(settings, bot, "en")


class Chats(BaseMiddleware):
    """Sets the menu button and the commands of each person's chat, in the person's language.

    Telegram stores both per chat. They are sent with the first update that this process receives from a
    person, and whenever their language or rank has changed since, in the chat, the app or the panel.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._told: OrderedDict[int, tuple[str, bool]] = OrderedDict()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if (actor := data.get("actor")) is not None:
            await self.speak(data["bot"], actor)
        return await handler(event, {**data, "chats": self})

    async def speak(self, bot: Bot, actor: Actor) -> None:
        """Set both for the actor's chat if they have changed. Logs a refusal; the next update retries."""
        wanted = (actor.language, actor.role is not None and actor.role.rank >= Role.admin.rank)
        if self._told.get(actor.telegram_id) == wanted:
            return
        try:
            await _menu(self._settings, bot, actor.language, actor.telegram_id)
            names = (*COMMANDS, "admin") if wanted[1] else COMMANDS
            scope = BotCommandScopeChat(chat_id=actor.telegram_id)
            await bot.set_my_commands(_described(names, actor.language), scope=scope)
        except TelegramAPIError as error:
            log.warning("bot_profile.chat_refused", error=type(error).__name__)
            return
        self._told[actor.telegram_id] = wanted
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)


async def _menu(settings: Settings, bot: Bot, language: str, chat_id: int | None = None) -> None:
    """Set the button beside the input field, of all chats or of one person's."""
    if app_button(settings, "bot.menu", language) is None:
        await bot.set_chat_menu_button(chat_id=chat_id, menu_button=MenuButtonCommands())
        return
    button = MenuButtonWebApp(text=text("bot.menu", language), web_app=WebAppInfo(url=app_url(settings)))
    try:
        await bot.set_chat_menu_button(chat_id=chat_id, menu_button=button)
    except TelegramBadRequest as error:
        log.warning("bot_profile.menu_refused", reason=error.message)


def _described(names: Iterable[str], language: str) -> list[BotCommand]:
    return [BotCommand(command=name, description=text(f"bot.command.{name}", language)) for name in names]
