"""Messages that no other handler matches: unknown commands, and messages without text."""

from aiogram import F, Router
from aiogram.enums import ContentType as K
from aiogram.types import CallbackQuery, Message

from bot.handlers.buttons import show
from bot.words import say
from tg_assistant.core.actor import Actor

# what a person sends, and how they can say it so that it is read
_SENT = {
    **dict.fromkeys((K.VOICE, K.AUDIO, K.VIDEO_NOTE), "sound"),
    **dict.fromkeys((K.PHOTO, K.LIVE_PHOTO, K.VIDEO, K.ANIMATION, K.DOCUMENT, K.PAID_MEDIA), "media"),
    **dict.fromkeys((K.STICKER, K.DICE, K.GAME), "sticker"),
    **dict.fromkeys((K.LOCATION, K.VENUE), "place"),
    **dict.fromkeys((K.CONTACT, K.USERS_SHARED, K.CHAT_SHARED), "contact"),
    **dict.fromkeys((K.POLL, K.CHECKLIST), "poll"),
    K.STORY: "story",
    **dict.fromkeys((K.GIVEAWAY, K.GIVEAWAY_WINNERS, K.INVOICE, K.RICH_MESSAGE, K.UNKNOWN), "other"),
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
    await message.answer(say(f"bot.not_text.{_SENT[K(message.content_type)]}", actor.language))


async def _service(message: Message) -> None:
    """Ignore pinned messages and other service messages."""


async def _old_button(query: CallbackQuery, actor: Actor) -> None:
    """A button of an earlier version of the bot."""
    await show(query, say("bot.old_button", actor.language))
