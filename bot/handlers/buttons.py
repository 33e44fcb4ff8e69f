"""What pressing a button does to its message: the text and the buttons are replaced."""

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
    """Replace the button's message, or write a new one where it can no longer be changed."""
    with suppress(TelegramBadRequest):  # too old to be answered: a repeated update
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
