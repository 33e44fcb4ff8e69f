"""The account's own list of channels, kept up by Telegram's updates: reading all of it is rarely allowed."""

from collections.abc import Sequence
from typing import Any

from telethon import types, utils

from ingest.context import AccountContext
from ingest.convert import name_of, public_name
from tg_assistant.core.channels import dialogs, regaining
from tg_assistant.models import Dialog


def entry(ctx: AccountContext, chat: types.Channel, folder: str | None = None, position: int = 0) -> Dialog:
    """A channel's entry in the account's list."""
    username = public_name(chat)
    return Dialog(
        account_id=ctx.account_id,
        tenant_id=ctx.tenant_id,
        telegram_id=chat.id,
        access_hash=chat.access_hash or 0,
        title=name_of(chat),
        username=username,
        private=username is None,
        members=chat.participants_count,
        folder=folder,
        position=position,
    )


async def noticed(ctx: AccountContext, updates: Sequence[Any]) -> None:
    """Follow `updateChannel`, by which Telegram says that the account joined, left or lost a channel, or that
    the channel has changed: https://core.telegram.org/constructor/updateChannel

    The channel usually comes with the update; without it the list is read again. Access that was lost is
    looked at again.
    """
    told = [update for update in updates if isinstance(update, types.UpdateChannel)]
    if not told:
        return
    id_ = told[-1].channel_id
    chat = (getattr(told[-1], "_entities", None) or {}).get(utils.get_peer_id(types.PeerChannel(id_)))
    async with ctx.transaction() as db:
        if isinstance(chat, types.Channel) and not chat.min:
            if chat.broadcast and not chat.left:
                await dialogs.noticed(db, ctx.account_id, entry(ctx, chat))
            else:
                await dialogs.forget(db, ctx.account_id, id_)
        elif isinstance(chat, types.ChannelForbidden):
            await dialogs.forget(db, ctx.account_id, id_)
        else:
            await dialogs.refresh_soon(db, ctx.account_id)
        await regaining.ask_about(db, ctx.account_id, id_)
