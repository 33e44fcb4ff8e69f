"""What Telegram shows of the bot: commands and description per language, and the button of the app."""

import asyncio

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramRetryAfter
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    MenuButtonCommands,
    MenuButtonWebApp,
    WebAppInfo,
)

from bot.keyboards import app_button, app_url
from bot.telegram import AWAY, Contact
from tg_assistant.core.access import Actor
from tg_assistant.models import Role
from tg_assistant.settings import Settings
from tg_assistant.texts import text

log = structlog.get_logger()
COMMANDS = (
    *("ask", "search", "channels", "add", "sessions"),
    *("language", "help", "privacy", "delete_me", "cancel"),
)
_SPOKEN = {"": "en", "ru": "ru"}  # Telegram's language_code ("" is everybody else) → ours
_PAUSE = 5.0


async def until_done(settings: Settings, bot: Bot, contact: Contact) -> None:
    """Tell Telegram once per start; the same words change nothing there."""
    while not contact.announced:
        try:
            await announce(settings, bot)
            contact.announced = True
        except (TelegramRetryAfter, *AWAY) as error:
            log.warning("announcing.waiting", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)


async def announce(settings: Settings, bot: Bot) -> None:
    """Commands, descriptions and the menu button."""
    for code, language in _SPOKEN.items():
        await bot.set_my_commands(
            [
                BotCommand(command=name, description=text(f"bot.command.{name}", language))
                for name in COMMANDS
            ],
            scope=BotCommandScopeAllPrivateChats(),
            language_code=code or None,
        )
        await bot.set_my_description(text("bot.description", language), language_code=code or None)
        await bot.set_my_short_description(
            text("bot.short_description", language), language_code=code or None
        )
    await menu(settings, bot, "en")


async def menu(settings: Settings, bot: Bot, language: str, chat_id: int | None = None) -> None:
    """The button beside the input field: everybody's, or one person's in their language."""
    title = text("bot.menu", language)
    if app_button(settings, "bot.menu", language) is None:
        await bot.set_chat_menu_button(chat_id=chat_id, menu_button=MenuButtonCommands())
        return
    try:
        await bot.set_chat_menu_button(
            chat_id=chat_id,
            menu_button=MenuButtonWebApp(text=title, web_app=WebAppInfo(url=app_url(settings))),
        )
    except TelegramBadRequest as error:
        log.warning("announcing.menu_refused", reason=error.message)


async def own_commands(bot: Bot, actor: Actor, chat_id: int) -> None:
    """An admin's list has /admin besides; who is no admin any more gets everybody's list back."""
    scope = BotCommandScopeChat(chat_id=chat_id)
    if actor.role is None or actor.role.rank < Role.admin.rank:
        await bot.delete_my_commands(scope=scope)
        return
    names = (*COMMANDS, "admin")
    described = [
        BotCommand(command=name, description=text(f"bot.command.{name}", actor.language)) for name in names
    ]
    await bot.set_my_commands(described, scope=scope)
