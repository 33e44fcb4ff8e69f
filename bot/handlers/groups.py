"""Groups and channels: the bot works in private, and says so where it is called by a command."""

from aiogram import F, Router
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message, TelegramObject

from bot.words import say
from tg_assistant.core.actor import Actor


def make_router() -> Router:
    """Comes first: nothing said in a group, or by nobody we know, reaches the other handlers."""
    router = Router(name="groups")
    own = (~F.forward_origin, ~F.forward_date, ~F.via_bot, ~F.sender_chat)
    router.message.register(_called, F.chat.type != "private", F.text.startswith("/"), *own)
    router.message.register(_overheard, F.chat.type != "private")
    router.message.register(_overheard, _by_nobody)
    router.callback_query.register(_pressed_elsewhere, _by_nobody)
    router.my_chat_member.register(_membership)
    return router


async def _by_nobody(_: TelegramObject, actor: Actor | None = None) -> bool:
    """In a group, by a bot, or without a sender: `people.Meeting` names an actor for private chats only."""
    return actor is None


async def _called(message: Message) -> None:
    language = message.from_user.language_code if message.from_user else None
    await message.reply(say("bot.group", language))


async def _overheard(message: Message) -> None:
    """People's talk is not ours."""


async def _pressed_elsewhere(_: CallbackQuery) -> None:
    """Our buttons stand in private chats: this one was never ours, or was carried somewhere."""


async def _membership(event: ChatMemberUpdated) -> None:
    """Being blocked or added changes nothing: whoever blocked us answers "forbidden" next time."""
