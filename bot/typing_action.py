"""Feedback while an answer is being made: "typing", and a draft of the answer as it grows."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from aiogram import Bot
from aiogram.exceptions import TelegramAPIError

from bot.messages import LIMIT, split

_TYPING_SECONDS = 4.5  # Telegram shows it for five
_DRAFT_SECONDS = 0.7


@asynccontextmanager
async def typing(bot: Bot, chat_id: int) -> AsyncGenerator[None]:
    """Show "typing…" until the block ends."""
    task = asyncio.create_task(_type(bot, chat_id))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _type(bot: Bot, chat_id: int) -> None:
    while True:
        with suppress(TelegramAPIError):  # only a courtesy
            await bot.send_chat_action(chat_id, "typing")
        await asyncio.sleep(_TYPING_SECONDS)


class Draft:
    """The growing answer as a message draft of Telegram's; after a failure no more drafts are sent."""

    def __init__(self, bot: Bot, chat_id: int, draft_id: int) -> None:
        self._bot, self._chat_id, self._draft_id = bot, chat_id, draft_id
        self._next, self._shown = 0.0, False

    async def show(self, text: str) -> None:
        """Show the text, at most every 0.7 s; of a text longer than a message only the first part."""
        if text.strip() and time.monotonic() >= self._next:
            self._shown = True
            await self._send(split(text, LIMIT)[0])

    async def replace(self, text: str) -> None:
        """Replace a shown draft at once, because it may no longer be seen; nothing if none is shown."""
        if self._shown:
            await self._send(text)

    async def _send(self, text: str) -> None:
        try:
            await self._bot.send_message_draft(self._chat_id, self._draft_id, text=text, parse_mode=None)
            self._next = time.monotonic() + _DRAFT_SECONDS
        except TelegramAPIError:
            self._next = float("inf")
