"""Task "look": ask Telegram whether a channel that was lost can be read again, and what it is called now."""

from uuid import UUID

from telethon import types

from ingest import history_pages
from ingest.context import AccountContext
from ingest.convert import name_of, public_name
from ingest.tasks import Result
from tg_assistant.core.accounts import accounts, tasks
from tg_assistant.core.channels import backfill, following, regaining
from tg_assistant.models import AccountTask, Channel


async def run(ctx: AccountContext, task: AccountTask) -> Result:
    """Read one message of the channel. Result: `open`, whether that was allowed."""
    async with ctx.transaction() as db:
        channel = await backfill.followed(db, UUID(task.args["channel_id"]))
    if channel is None:
        return {}
    result = {"open": await is_open(ctx, channel)}
    async with ctx.transaction() as db:
        await tasks.finish(db, task, epoch=ctx.epoch, result=result)
    return result


async def is_open(ctx: AccountContext, channel: Channel) -> bool:
    """Whether the account may read the channel; records that it may, or that it still may not."""
    try:
        access_hash = await _hash(ctx, channel)
        page = await history_pages.read_page(
            ctx, types.InputPeerChannel(channel.telegram_id, access_hash), limit=1
        )
    except history_pages.NO_ACCESS:
        async with ctx.transaction() as db:
            await regaining.still_lost(db, ctx.account_id, channel.id)
        return False
    async with ctx.transaction() as db:
        current = await backfill.followed(db, channel.id)
        if current is not None and page.channel is not None:
            following.describe(current, name_of(page.channel), public_name(page.channel))
        account = await accounts.linked(db, ctx.account_id)
        await following.grant(db, account, channel.id, access_hash)
    return True


async def _hash(ctx: AccountContext, channel: Channel) -> int:
    """The access hash as it was before the loss, or by the channel's name. Raises Telegram's errors."""
    async with ctx.transaction() as db:
        known = await following.access_hash(db, ctx.account_id, channel.id, lost=True)
    return known or await history_pages.resolved(ctx, channel)
