"""Errors raised by handlers, shown to the person once, as a line in their language."""

from contextlib import suppress

import structlog
from aiogram import Bot, Router
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError
from aiogram.filters import ExceptionTypeFilter
from aiogram.types import CallbackQuery, ErrorEvent
from aiogram.types import User as TelegramUser

from bot.keyboards import app_button, rows
from bot.words import error_line
from tg_assistant.core.actor import Actor
from tg_assistant.errors import AssistantError
from tg_assistant.infra import metrics
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()
_ALERT = 200  # characters: https://core.telegram.org/bots/api#answercallbackquery
_PLACES = {"accounts.not_connected": "connect", "accounts.disconnected": "connect"}


def make_router() -> Router:
    """Handlers of core's errors, and of people who blocked the bot; `update_worker` handles the rest."""
    router = Router(name="errors")
    router.error.register(_tell, ExceptionTypeFilter(AssistantError))
    router.error.register(_unwanted, ExceptionTypeFilter(TelegramForbiddenError))
    return router


async def _tell(
    event: ErrorEvent,
    bot: Bot,
    rt: Runtime,
    event_from_user: TelegramUser | None = None,
    actor: Actor | None = None,
) -> None:
    error = event.exception
    assert isinstance(error, AssistantError)
    if error.code == "database.unavailable":
        raise error  # nothing was done: the update is retried later
    if event_from_user is None:
        return
    log.info("update.refused", code=error.code)
    metrics.errors_total.labels("bot", error.code).inc()
    language = actor.language if actor else event_from_user.language_code or "en"
    line = error_line(error, language)
    if event.update.callback_query and await _alerted(event.update.callback_query, line):
        return
    keyboard = None
    if error.code in _PLACES:
        keyboard = rows(app_button(rt.settings, "bot.button.connect", language, "connect"))
    try:
        await bot.send_message(event_from_user.id, line, reply_markup=keyboard)
    except TelegramForbiddenError:  # aiogram passes errors of this handler to no other
        await _unwanted(event)


async def _alerted(query: CallbackQuery, line: str) -> bool:
    """Show the line as a pop-up; False if it is too long or Telegram no longer accepts one."""
    if len(line) > _ALERT or "&" in line:
        return False
    with suppress(TelegramBadRequest):
        return await query.answer(line, show_alert=True)
    return False


async def _unwanted(event: ErrorEvent) -> None:
    """The person has blocked the bot: no answer is possible."""
    log.info("update.blocked")
