"""Making somebody a stranger again, and inviting them, so that tests do not depend on their order."""

import time

from sqlmodel import select

from tests.phone import Phone, until
from tests.product import Product
from tg_assistant.core.group import invites
from tg_assistant.demo.seed import TENANT
from tg_assistant.infra.postgres.db import Database, set_operator, set_tenant
from tg_assistant.models import Tenant


async def becomes_a_stranger(product: Product, name: str) -> Phone:
    """Erase a person as they do it themselves: /delete_me and two buttons. Harmless for a stranger."""
    phone = product.phone(name)
    await phone.starts()
    sent = await phone.post("/bot/messages", text="/delete_me")
    for _ in range(2):
        await _presses_first_button(phone, sent["id"])

    async def gone() -> bool:
        last = (await phone.messages())[-1]
        return not last["reply_markup"]

    await until(gone, "the bot to erase everything")
    return phone


async def _presses_first_button(phone: Phone, after: int) -> None:
    seen = await _buttons(phone, after, "")
    answer = await phone.post("/bot/callback", message_id=seen[0], data=seen[1])
    assert answer is not None
    await until(lambda: _changed(phone, after, seen[1]), "the next question")


async def _buttons(phone: Phone, after: int, known: str) -> tuple[int, str]:
    async def look() -> tuple[int, str] | None:
        for message in reversed(await phone.messages()):
            keyboard = (message["reply_markup"] or {}).get("inline_keyboard")
            if message["id"] > after and keyboard and keyboard[0][0].get("callback_data") != known:
                return message["id"], keyboard[0][0]["callback_data"]
        return None

    return await until(look, "the bot's buttons")


async def _changed(phone: Phone, after: int, known: str) -> bool:
    last = [m for m in await phone.messages() if m["id"] > after and not m["out"]][-1]
    keyboard = (last["reply_markup"] or {}).get("inline_keyboard")
    return not keyboard or keyboard[0][0].get("callback_data") != known


async def is_invited(product: Product, name: str) -> str:
    """Send a fresh invitation to somebody's Telegram; its code."""
    database = Database(product.demo.running_database().owner_url, pool_size=1)
    try:
        async with database.transaction() as db:
            await set_operator(db)
            tenant = (await db.exec(select(Tenant).where(Tenant.name == TENANT))).one()
            await set_tenant(db, tenant.id)
            note = f"{name} {time.time():.0f}"
            invite = await invites.create(db, invites.operator(tenant.id), notes=note)
    finally:
        await database.close()
    link = f"https://t.me/{product.demo.bot_username()}?start=inv_{invite.code}"
    await product.control("invitations", **{name: link})
    return invite.code
