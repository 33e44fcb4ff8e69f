"""Messages that no other handler matches: unknown commands, and messages without text."""

from aiogram import F, Router
from aiogram.enums import ContentType
from aiogram.types import CallbackQuery, Message

from bot.handlers.buttons import show
from bot.words import say
from tg_assistant.core.actor import Actor

_SENT = {
    *(ContentType.VOICE, ContentType.AUDIO, ContentType.VIDEO, ContentType.VIDEO_NOTE, ContentType.ANIMATION),
    *(
        ContentType.PHOTO,
        ContentType.STICKER,
        ContentType.DOCUMENT,
        ContentType.CONTACT,
        ContentType.LOCATION,
    ),
    *(ContentType.POLL, ContentType.DICE, ContentType.VENUE, ContentType.STORY),
}


def make_router() -> Router:
    """Handlers to be included last: everything but service messages gets an answer."""
    router = Router(name="fallback")
    router.message.register(_unknown, F.text)
    router.message.register(_not_text, F.content_type.in_(_SENT))
    router.message.register(_service)
    router.callback_query.register(_old_button)
    return router


async def _unknown(message: Message, actor: Actor) -> None:
    await message.answer(say("bot.unknown", actor.language))


async def _not_text(message: Message, actor: Actor) -> None:
    await message.answer(say("bot.not_text", actor.language))


async def _service(message: Message) -> None:
    """Ignore pinned messages and other service messages."""


async def _old_button(query: CallbackQuery, actor: Actor) -> None:
    """A button of an earlier version of the bot."""
    await show(query, say("bot.old_button", actor.language))
