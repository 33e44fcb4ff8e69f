"""Groups and channels: the bot works in private, and says so where it is called by a command."""

from aiogram import F, Router
from aiogram.types import ChatMemberUpdated, Message

from bot.words import say


def make_router() -> Router:
    """Comes first: nothing said in a group reaches the other handlers."""
    router = Router(name="groups")
    router.message.register(_called, F.chat.type != "private", F.text.startswith("/"))
    router.message.register(_overheard, F.chat.type != "private")
    router.my_chat_member.register(_membership)
    return router


async def _called(message: Message) -> None:
    language = message.from_user.language_code if message.from_user else None
    await message.reply(say("bot.group", language))


async def _overheard(message: Message) -> None:
    """People's talk is not ours."""


async def _membership(event: ChatMemberUpdated) -> None:
    """Being blocked or added changes nothing: whoever blocked us answers "forbidden" next time."""
