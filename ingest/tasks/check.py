"""Task "check": ask Telegram for single posts by id, because they are about to be quoted."""

from uuid import UUID

from ingest import comparison, history_pages
from ingest.context import AccountContext
from ingest.tasks import Result
from tg_assistant.core.channels import backfill
from tg_assistant.models import AccountTask


async def run(ctx: AccountContext, task: AccountTask) -> Result:
    """Compare the posts of `channels`, message ids by channel id.

    Result: the `checked` channels, and whether a post was edited or deleted (`changed`). A channel that this
    account may not read is left out; losing access is noticed elsewhere.
    """
    checked, changed = [], False
    for channel_id, message_ids in task.args["channels"].items():
        async with ctx.transaction() as db:
            channel = await backfill.followed(db, UUID(channel_id))
        if channel is None:
            continue
        try:
            changed |= await comparison.check(ctx, channel, message_ids)
        except history_pages.NO_ACCESS:
            continue
        checked.append(channel_id)
    return {"checked": checked, "changed": changed}
