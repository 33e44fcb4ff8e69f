"""Forwarded messages are not the sender's own words: they name a channel to add, but are never commands."""

from aiogram import Bot, F, Router
from aiogram.types import Message, MessageOriginChannel

from bot.handlers.adding import follow
from bot.words import say
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime


def make_router() -> Router:
    """Handlers to be included before those that read text.

    Servers older than Bot API 7.0 mark forwarded messages with `forward_date`.
    """
    router = Router(name="passed_on")
    router.message.register(_forwarded, F.forward_origin)
    for sign in (F.forward_date, F.via_bot, F.sender_chat, F.sender_business_bot):
        router.message.register(_not_theirs, sign)
    return router


async def _forwarded(message: Message, actor: Actor, rt: Runtime, bot: Bot) -> None:
    origin = message.forward_origin
    if not isinstance(origin, MessageOriginChannel):
        await message.answer(say("bot.add.not_from_channel", actor.language))
        return
    name = f"@{origin.chat.username}" if origin.chat.username else str(origin.chat.id)
    await follow(message, actor, rt, bot, link=name)


async def _not_theirs(message: Message, actor: Actor) -> None:
    """Composed by another bot, or written in a chat's name."""
    await message.answer(say("bot.not_yours", actor.language))
