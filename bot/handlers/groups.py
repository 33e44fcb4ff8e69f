"""Groups and channels: the bot works in private chats only, and says so in reply to a command."""

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus
from aiogram.types import CallbackQuery, ChatMemberUpdated, Message, TelegramObject

from bot.words import say
from tg_assistant.core.accounts import accounts
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime


def make_router() -> Router:
    """Handlers to be included first: no message from a group, or without an actor, reaches the others."""
    router = Router(name="groups")
    own = (~F.forward_origin, ~F.forward_date, ~F.via_bot, ~F.sender_chat)
    router.message.register(_called, F.chat.type != "private", F.text.startswith("/"), *own)
    router.message.register(_overheard, F.chat.type != "private")
    router.message.register(_overheard, _by_nobody)
    router.callback_query.register(_pressed_elsewhere, _by_nobody)
    router.my_chat_member.register(_membership)
    return router


async def _by_nobody(_: TelegramObject, actor: Actor | None = None) -> bool:
    """Whether it is from a group, a bot, or no sender: `Meeting` sets an actor for private chats only."""
    return actor is None


async def _called(message: Message) -> None:
    language = message.from_user.language_code if message.from_user else None
    await message.reply(say("bot.group", language))


async def _overheard(message: Message) -> None:
    """Ignore what people write in groups."""


async def _pressed_elsewhere(_: CallbackQuery) -> None:
    """Ignore the press: our buttons are sent to private chats only."""


async def _membership(event: ChatMemberUpdated, rt: Runtime, actor: Actor | None = None) -> None:
    """Tell a person who has unblocked the bot what they missed and must know: that their account has ended.

    Being blocked or added needs nothing: sending to a person who blocked the bot raises "forbidden".
    """
    if actor is not None and event.new_chat_member.status == ChatMemberStatus.MEMBER:
        async with rt.db.transaction(actor.tenant_id) as db:
            await accounts.tell_again(db, actor)
