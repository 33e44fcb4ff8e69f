"""A person's chat with the bot: writing, waiting for what it answers, pressing its buttons."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.bot_api import inbox
from sandbox.control import Sandbox
from sandbox.world.model import BotMessage


class Chat:
    def __init__(self, telegram: Sandbox, person: str) -> None:
        self._telegram, self._phone = telegram, telegram.phone(person)
        self.person = self._phone.person

    async def says(self, text: str, *, contains: str = "", seconds: float = 60) -> BotMessage:
        """Write, and wait for the answer (that contains something)."""
        sent = self._phone.send(text)
        return await self.hears(sent.id, contains, seconds)

    def sends(self, text: str, **facts: Any) -> BotMessage:
        """Write without waiting."""
        item = inbox.send(self._telegram.world, self.person, text, **facts)
        self._telegram.world.commit()
        return item

    async def hears(self, after: int, contains: str = "", seconds: float = 60) -> BotMessage:
        return (await self._until(lambda m: m.id > after and contains in m.text, contains, seconds))[0]

    async def presses(self, message: BotMessage, label: str, contains: str = "") -> tuple[str, str | None]:
        """Press a button by a part of its text; what the message says then, and the notice shown above."""
        [data] = [b["callback_data"] for b in buttons(message) if label in b["text"]]
        before = message.text
        answer = await self._phone.press(message.id, data)
        if answer.show_alert:
            return before, answer.text

        def changed(item: BotMessage) -> bool:
            return item.id >= message.id and item.text != before and contains in item.text

        return (await self._until(changed, contains, 60))[0].text, answer.text

    def last(self) -> BotMessage:
        return [m for m in self._phone.messages() if not m.out][-1]

    def heard(self, after: int = 0) -> list[str]:
        """All the bot has written."""
        return [m.text for m in self._phone.messages() if not m.out and m.id > after]

    async def _until(self, fits: Any, what: str, seconds: float) -> list[BotMessage]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [m for m in self._phone.messages() if not m.out and fits(m)]
            if found:
                return found
            await asyncio.sleep(0.02)
        raise AssertionError(f"the bot did not say {what!r}; it said {self.heard()[-3:]}")


async def until(look: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """The first truthy answer of `look`. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):  # noqa: ASYNC110 - looks at a database and a world, which set no event
            await asyncio.sleep(0.02)
    return found


def buttons(message: BotMessage) -> list[dict[str, Any]]:
    return [each for row in (message.reply_markup or {}).get("inline_keyboard", []) for each in row]


def links(message: BotMessage) -> list[str]:
    return [each["url"] for each in message.entities if each["type"] == "text_link"]
