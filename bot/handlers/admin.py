"""/admin: a one-time link to the admin panel, for admins only."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import InlineKeyboardButton, LinkPreviewOptions, Message

from bot.keyboards import rows
from bot.words import say
from tg_assistant.core.access import one_time_links
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime


def make_router() -> Router:
    """Handler of /admin from anybody: core refuses all but admins."""
    router = Router(name="admin")
    router.message.register(_admin, Command("admin"))
    return router


async def _admin(message: Message, actor: Actor, rt: Runtime) -> None:
    async with rt.db.transaction(actor.tenant_id) as db:
        token = await one_time_links.make(db, actor, Purpose.admin)
    url = f"{rt.settings.web.public_url}/admin/login/{token}"
    minutes = int(one_time_links.LIFE.total_seconds() // 60)
    values = {"minutes": minutes, "url": url}
    # Telegram accepts buttons with public addresses only; a development address goes into the text
    public = url.startswith("https://")
    button = InlineKeyboardButton(text=say("bot.button.open_panel", actor.language), url=url)
    await message.answer(
        say("bot.admin.link" if public else "bot.admin.link_plain", actor.language, **values),
        reply_markup=rows(button) if public else None,
        protect_content=True,  # the link signs anybody in as this admin, so it must not be forwarded
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
