"""The bot's name and link, for pages that need no sign-in."""

from contextlib import suppress

import reflex as rx

from tg_assistant.components.qr_code import qr_picture
from tg_assistant.errors import Unavailable
from tg_assistant.infra import bot_api
from tg_assistant.web.process import current


class LandingState(rx.State):
    """The bot's name and a QR code of its link; empty until Telegram has returned the name."""

    bot: str = ""
    link_qr: str = ""

    @rx.event(background=True)
    async def load(self) -> None:
        """Ask Telegram for the bot's name. Until there is one, the page shows a text in place of the link."""
        with suppress(Unavailable):
            name = await bot_api.username(current().settings.telegram)
            async with self:
                self.bot = name
                self.link_qr = qr_picture(f"https://t.me/{name}")


def bot_address() -> rx.Var[str]:
    """The bot's `https://t.me/` link, without a name until it is known."""
    return rx.Var.create("https://t.me/") + LandingState.bot
