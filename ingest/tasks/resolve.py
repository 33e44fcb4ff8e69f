"""Task "resolve": find what a person named, at Telegram, and follow it if it is a channel they may read."""

from typing import Any

from telethon import errors, types
from telethon.tl.functions.channels import GetChannelsRequest
from telethon.tl.functions.contacts import ResolveUsernameRequest

from ingest.context import AccountContext
from ingest.convert import name_of, names_of, public_name
from ingest.history_pages import NO_ACCESS
from ingest.tasks import Result, look
from tg_assistant.core.accounts import accounts, tasks
from tg_assistant.core.channels import following, regaining
from tg_assistant.core.channels.following import Found
from tg_assistant.errors import AlreadyExists, Invalid, NotAllowed, NotFound
from tg_assistant.models import AccountTask, Channel


async def run(ctx: AccountContext, task: AccountTask) -> Result:
    """Find the channel by its name or Telegram id and follow it. Result: `channel_id`.

    Raises NotFound for an unknown name, NotAllowed for a private channel and for one that was lost and still
    is, Invalid for anything else. Following and the task's end are saved in one transaction, so the person
    waiting sees both or neither.
    """
    name = task.args.get("username")
    found = await _named(ctx, name) if name else await _known_by_id(ctx, task.args["telegram_id"])
    regained = await _check_open(ctx, found)
    async with ctx.transaction() as db:
        account = await accounts.linked(db, ctx.account_id)
        try:
            channel = await following.follow(db, account, found)
        except AlreadyExists:
            if regained is None:
                raise
            channel = regained
        result = {"channel_id": str(channel.id)}
        await tasks.finish(db, task, epoch=ctx.epoch, result=result)
    return result


async def _named(ctx: AccountContext, name: str) -> Found:
    """The channel that has the name now. One that was seen under it is asked for first, because Telegram
    dislikes looking up names much more: https://core.telegram.org/method/contacts.resolveUsername
    """
    async with ctx.transaction() as db:
        seen = await following.seen_as(db, ctx.account_id, name)
    if seen is not None and (found := await _still(ctx, name, *seen)):
        return found
    try:
        answer: Any = await ctx.client(ResolveUsernameRequest(name))
    except (errors.UsernameNotOccupiedError, errors.UsernameInvalidError):
        raise NotFound("channels.unknown", name=name) from None
    return _channel(answer, name)


async def _still(ctx: AccountContext, name: str, telegram_id: int, access_hash: int) -> Found | None:
    """The channel with this id if the name is still one of its names."""
    try:
        answer: Any = await ctx.client(GetChannelsRequest([types.InputChannel(telegram_id, access_hash)]))
    except NO_ACCESS:
        return None
    for chat in answer.chats:
        if isinstance(chat, types.Channel) and chat.id == telegram_id and name.lower() in names_of(chat):
            return _found(chat)
    return None


async def _known_by_id(ctx: AccountContext, telegram_id: int) -> Found:
    """A channel that the person follows, by its id; they can only have lost it, or it is on no list."""
    async with ctx.transaction() as db:
        channel = await following.with_telegram_id(db, ctx.tenant_id, telegram_id)
    if channel is None:
        raise NotFound("channels.not_in_your_list")
    return following.as_found(channel)


async def _check_open(ctx: AccountContext, found: Found) -> Channel | None:
    """The channel if the account had lost it and has it back now. Raises NotAllowed while it is refused."""
    async with ctx.transaction() as db:
        channel = await following.with_telegram_id(db, ctx.tenant_id, found.telegram_id)
        lost = channel is not None and await regaining.is_lost(db, ctx.account_id, channel.id)
    if channel is None or not lost:
        return None
    if not await look.is_open(ctx, channel):
        raise NotAllowed("channels.access_lost")
    return channel


def _channel(answer: Any, name: str) -> Found:
    if isinstance(answer.peer, types.PeerUser):
        bot = any(user.id == answer.peer.user_id and user.bot for user in answer.users)
        raise Invalid("channels.bot" if bot else "channels.user", name=name)
    (chat,) = [chat for chat in answer.chats if chat.id == getattr(answer.peer, "channel_id", None)] or [None]
    if isinstance(chat, types.ChannelForbidden):
        raise NotAllowed("channels.private", name=name)
    if not isinstance(chat, types.Channel) or not chat.broadcast:
        raise Invalid("channels.group", name=name)
    return _found(chat)


def _found(chat: types.Channel) -> Found:
    username = public_name(chat)
    return Found(
        telegram_id=chat.id,
        title=name_of(chat),
        username=username,
        private=username is None,
        members=chat.participants_count,
        access_hash=chat.access_hash,
    )
