"""Replacing the text and the buttons of a message whose button was pressed."""

from contextlib import suppress

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message

from bot.telegram import is_same


async def show(
    query: CallbackQuery,
    text: str,
    keyboard: InlineKeyboardMarkup | None = None,
    *,
    notice: str | None = None,
) -> None:
    """Replace the button's message, or send a new one if it can no longer be edited."""
    with suppress(TelegramBadRequest):  # too old to answer: a repeated update
        await query.answer(notice)
    try:
        if isinstance(query.message, Message):
            await query.message.edit_text(text, reply_markup=keyboard)
            return
    except TelegramBadRequest as error:
        if is_same(error):
            return
    assert query.bot
    await query.bot.send_message(query.from_user.id, text, reply_markup=keyboard)
