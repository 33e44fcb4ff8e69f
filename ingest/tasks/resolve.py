"""Task "resolve": resolve a public @name once, and follow it if it is a channel."""

from typing import Any

from telethon import errors, types
from telethon.tl.functions.contacts import ResolveUsernameRequest

from ingest.context import AccountContext
from ingest.convert import name_of, public_name
from ingest.tasks import Result
from tg_assistant.core.accounts import accounts, tasks
from tg_assistant.core.channels import following
from tg_assistant.core.channels.following import Found
from tg_assistant.errors import Invalid, NotAllowed, NotFound
from tg_assistant.models import AccountTask


async def run(ctx: AccountContext, task: AccountTask) -> Result:
    """Resolve the name and follow the channel. Result: `channel_id`.

    Raises NotFound for an unknown name, NotAllowed for a private channel, Invalid for anything else.
    Following and the task's end are saved in one transaction, so the person waiting sees both or neither.
    """
    name = task.args["username"]
    try:
        answer: Any = await ctx.client(ResolveUsernameRequest(name))
    except (errors.UsernameNotOccupiedError, errors.UsernameInvalidError):
        raise NotFound("channels.unknown", name=name) from None
    found = _channel(answer, name)
    async with ctx.transaction() as db:
        account = await accounts.linked(db, ctx.account_id)
        channel = await following.follow(db, account, found)
        result = {"channel_id": str(channel.id)}
        await tasks.finish(db, task, epoch=ctx.epoch, result=result)
    return result


def _channel(answer: Any, name: str) -> Found:
    if isinstance(answer.peer, types.PeerUser):
        bot = any(user.id == answer.peer.user_id and user.bot for user in answer.users)
        raise Invalid("channels.bot" if bot else "channels.user", name=name)
    (chat,) = [chat for chat in answer.chats if chat.id == getattr(answer.peer, "channel_id", None)] or [None]
    if isinstance(chat, types.ChannelForbidden):
        raise NotAllowed("channels.private", name=name)
    if not isinstance(chat, types.Channel) or not chat.broadcast:
        raise Invalid("channels.group", name=name)
    return Found(
        telegram_id=chat.id,
        title=name_of(chat),
        username=public_name(chat),
        private=False,
        members=chat.participants_count,
        access_hash=chat.access_hash,
    )
