"""Task "history": read the newest missing page of a channel, then plan a task for the next one."""

from uuid import UUID

from ingest import history_pages
from ingest.context import AccountContext
from ingest.tasks import Result
from tg_assistant.core.accounts import tasks
from tg_assistant.core.channels import backfill, following
from tg_assistant.core.channels.backfill import Wanted
from tg_assistant.models import AccountTask


async def run(ctx: AccountContext, task: AccountTask) -> Result:
    """Read a page and save it. Result: `new`, the number of new posts, or nothing.

    Posts, their id range, this task's end and the next task are saved in one transaction, so that a killed
    process reads at most one page twice and misses none.
    """
    async with ctx.transaction() as db:
        channel = await backfill.followed(db, UUID(task.args["channel_id"]))
        hole = await backfill.wanted(db, channel) if channel else None
    if channel is None or hole is None:
        async with ctx.transaction() as db:
            if channel is not None:
                await backfill.plan(db, channel, besides=task.id)
            await tasks.finish(db, task, epoch=ctx.epoch, result={})
        return {}
    asked_at = ctx.rt.clock.now()
    try:
        peer = await history_pages.peer_of(ctx, channel)
        page = await history_pages.read_wanted(ctx, peer, hole)
    except history_pages.NO_ACCESS:
        async with ctx.transaction() as db:
            await history_pages.refused(ctx, db, channel, asked_at)
            await backfill.plan(db, channel, besides=task.id)
            await tasks.finish(db, task, epoch=ctx.epoch, result={})
        return {}
    return await _save(ctx, task, hole, page)


async def _save(ctx: AccountContext, task: AccountTask, hole: Wanted, page: history_pages.Page) -> Result:
    async with ctx.transaction() as db:
        channel = await backfill.followed(db, UUID(task.args["channel_id"]))
        if channel is None:  # unfollowed while Telegram answered
            return {}
        await following.confirm(db, ctx.account_id, channel.id)
        result = {"new": await history_pages.save_wanted(db, channel, hole, page)}
        await backfill.plan(db, channel, besides=task.id, delay=ctx.rt.settings.telegram.history_pause)
        await tasks.finish(db, task, epoch=ctx.epoch, result=result)
    return result
