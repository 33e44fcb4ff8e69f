"""The sender of each update as an actor, read from the database anew each time."""

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiogram import BaseMiddleware
from aiogram.types import Chat, TelegramObject
from aiogram.types import User as TelegramUser

from tg_assistant.core.access import sign_in
from tg_assistant.core.access.init_data import TelegramPerson
from tg_assistant.infra.runtime import Runtime

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]


class Meeting(BaseMiddleware):
    """Gives handlers of private chats their `actor`; people in groups are not stored."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        user: TelegramUser | None = data.get("event_from_user")
        chat: Chat | None = data.get("event_chat")
        if user is None or user.is_bot or (chat is not None and chat.type != "private"):
            return await handler(event, data)
        async with self._rt.db.transaction() as db:
            actor = await sign_in.upsert_user(db, _person(user), door="bot")
        structlog.contextvars.bind_contextvars(user_id=str(actor.user_id), tenant_id=str(actor.tenant_id))
        data["actor"] = actor
        return await handler(event, data)


def _person(user: TelegramUser) -> TelegramPerson:
    return TelegramPerson(
        telegram_id=user.id,
        first_name=user.first_name,
        last_name=user.last_name or "",
        username=user.username,
        language_code=user.language_code,
    )
