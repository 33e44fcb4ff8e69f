"""Task "dialogs": the account's list of channels with their folders. Rarely run: frequent use risks a ban."""

from typing import Any

from telethon import types
from telethon.tl.functions.messages import GetDialogFiltersRequest

from ingest.context import AccountContext
from ingest.own_list import entry
from ingest.tasks import Result
from tg_assistant.core.accounts import tasks
from tg_assistant.core.channels import dialogs
from tg_assistant.infra.postgres.pg_text import storable
from tg_assistant.models import AccountTask, Dialog


async def run(ctx: AccountContext, task: AccountTask) -> Result:
    """Read and save the list. Result: `count`. The old list stays until the new one is complete."""
    folders = await _folders(ctx)
    listed: dict[int, Dialog] = {}
    groups: list[int] = []
    async for dialog in ctx.client.iter_dialogs():
        chat = dialog.entity
        if isinstance(chat, types.Channel) and chat.broadcast and not chat.left:
            listed.setdefault(chat.id, entry(ctx, chat, folders.get(chat.id), len(listed)))
        elif isinstance(chat, types.Channel | types.Chat):
            groups.append(chat.id)
    async with ctx.transaction() as db:
        await dialogs.save(db, ctx.account_id, list(listed.values()), groups)
        await tasks.finish(db, task, epoch=ctx.epoch, result={"count": len(listed)})
    return {"count": len(listed)}


async def _folders(ctx: AccountContext) -> dict[int, str]:
    """The first folder that lists a channel explicitly, by the channel's id."""
    answer: Any = await ctx.client(GetDialogFiltersRequest())
    found: dict[int, str] = {}
    for folder in getattr(answer, "filters", answer):
        title = getattr(folder, "title", "")  # text with entities since layer 198
        for peer in (*getattr(folder, "pinned_peers", ()), *getattr(folder, "include_peers", ())):
            if channel_id := getattr(peer, "channel_id", None):
                found.setdefault(channel_id, storable(getattr(title, "text", title)))
    return found
