"""Keeps one account's channels up to date: live updates, and comparison with the authoritative history."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from telethon import events

from ingest import positions, update_state
from ingest.context import AccountContext
from ingest.live_updates import UPDATES, Hints
from ingest.reconciler import Reconciler
from ingest.watchlist import Watchlist
from tg_assistant.core.accounts import accounts
from tg_assistant.core.channels import following

KEEP_SECONDS = 20.0  # between two times that the position in the updates is stored


async def run(ctx: AccountContext) -> None:
    """Catch up with every channel of the account, then follow them until cancelled.

    Raises LeaseLost, and errors that end a connection or a session, which `account` handles.
    """
    watchlist = Watchlist(ctx)
    hints = Hints(ctx, watchlist)
    ctx.client.add_event_handler(hints.on_update, events.Raw(UPDATES))
    update_state.watch(ctx.client, watchlist.look_soon)
    update_state.on_reconnect(ctx.client, watchlist.behind.set)
    try:
        await watchlist.refresh()
        async with ctx.transaction() as db:
            saved = (await accounts.linked(db, ctx.account_id)).update_state
            known = await following.access_hashes(db, ctx.account_id)
        hashes = {id_: hash_ for id_, hash_ in known.items() if id_ in watchlist.by_id}
        hints.saved = {int(id_): pts for id_, pts in saved.get("channels", {}).items()}
        await update_state.restore(ctx.client, saved, hashes)
        parts = Reconciler(ctx, watchlist).run(), positions.watch(ctx, watchlist)
        await _all(hints.take(), *parts, _keep(ctx, hints))
    finally:
        ctx.client.remove_event_handler(hints.on_update)


async def _all(*jobs: Coroutine[Any, Any, object]) -> None:
    """Run all until one raises; raise its error, not an ExceptionGroup, after cancelling the others."""
    running = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*running)
    finally:
        for task in running:
            if not task.cancelling():  # a second cancellation would interrupt a rollback
                task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _keep(ctx: AccountContext, hints: Hints) -> None:
    """Store the position in the updates, only after all earlier updates have been saved."""
    kept = None
    while True:
        await asyncio.sleep(KEEP_SECONDS)
        state = update_state.snapshot(ctx.client)
        await asyncio.sleep(1)  # for updates between Telethon's count and our queue
        await hints.queue.join()
        state["channels"] = hints.without_failed(state["channels"])
        if state["channels"] != kept:
            kept = state["channels"]
            async with ctx.transaction() as db:
                await accounts.keep_place(db, ctx.account_id, state)
        hints.saved = {int(id_): pts for id_, pts in state["channels"].items()}
