"""The bot's name and link, for pages that anybody may see."""

from contextlib import suppress

import reflex as rx

from tg_assistant.components.qr_code import qr_picture
from tg_assistant.errors import Unavailable
from tg_assistant.infra import bot_api
from tg_assistant.web.process import current


class LandingState(rx.State):
    """The bot's name; empty until Telegram has told it."""

    bot: str = ""
    link_qr: str = ""

    @rx.event(background=True)
    async def load(self) -> None:
        """Telegram away is no reason to keep anybody waiting: the page says in words where to go."""
        with suppress(Unavailable):
            name = await bot_api.username(current().settings.telegram)
            async with self:
                self.bot = name
                self.link_qr = qr_picture(f"https://t.me/{name}")


def bot_address() -> rx.Var[str]:
    """Ends in a slash until the bot's name is known."""
    return rx.Var.create("https://t.me/") + LandingState.bot
