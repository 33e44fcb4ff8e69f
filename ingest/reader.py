"""Keeps one account's channels up to date: live updates, and comparison with the authoritative history."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from telethon import errors, events

from ingest import history_pages, update_state
from ingest.context import AccountContext
from ingest.live_updates import UPDATES, Hints
from ingest.watchlist import Watched, Watchlist
from tg_assistant.core.accounts import accounts
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.channels import backfill, following
from tg_assistant.core.names import Topic
from tg_assistant.errors import AssistantError

log = structlog.get_logger()
REFRESH_SECONDS = 60.0
KEEP_SECONDS = 20.0  # between two times that the position in the updates is stored
_UNTOUCHED_SECONDS = 5.0
PAUSE = 0.5  # seconds between the comparisons of two channels
_OURS_TO_RAISE = (LeaseLost, ConnectionError, errors.UnauthorizedError, errors.AuthKeyError)


async def run(ctx: AccountContext) -> None:
    """Catch up with every channel of the account, then follow them until cancelled.

    Raises LeaseLost, and errors that end a connection or a session, which `account` handles.
    """
    watchlist = Watchlist(ctx)
    hints = Hints(ctx, watchlist)
    ctx.client.add_event_handler(hints.on_update, events.Raw(UPDATES))
    update_state.on_too_long(ctx.client, watchlist.look_soon)
    update_state.on_reconnect(ctx.client, lambda: list(watchlist.by_id), watchlist.look_soon)
    try:
        await watchlist.refresh()
        async with ctx.transaction() as db:
            saved = (await accounts.linked(db, ctx.account_id)).update_state
            known = await following.access_hashes(db, ctx.account_id)
        hashes = {id_: hash_ for id_, hash_ in known.items() if id_ in watchlist.by_id}
        await update_state.restore(ctx.client, saved, hashes)
        await _all(hints.take(), Reconciler(ctx, watchlist).run(), _keep(ctx, hints))
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
        if state["channels"] != kept:
            kept = state["channels"]
            async with ctx.transaction() as db:
                await accounts.keep_place(db, ctx.account_id, state)


@dataclass
class Reconciler:
    """Compares channels with Telegram's history, one by one with pauses, to limit the load."""

    ctx: AccountContext
    watchlist: Watchlist

    async def run(self) -> None:
        """Compare due channels until cancelled; wakes when the tenant's subscriptions change."""
        key = str(self.ctx.tenant_id)
        async with self.ctx.rt.events.listening(Topic.subscriptions, key) as changed:
            self.watchlist.changed = changed
            while True:
                changed.clear()
                await self.watchlist.refresh()
                for watched in self.watchlist.due():
                    await self._look(watched)
                    await asyncio.sleep(PAUSE)
                await changed.within(self.watchlist.seconds_left(REFRESH_SECONDS))

    async def _look(self, watched: Watched) -> None:
        watched.put_off()
        asked_at = self.ctx.rt.clock.now()
        try:
            if watched.reads:
                await self._compare(watched)
            else:
                await history_pages.check_access(self.ctx, watched.channel)
        except errors.FloodWaitError as error:
            watched.put_off(error.seconds + 1)
        except history_pages.NO_ACCESS:
            async with self.ctx.transaction() as db:
                await history_pages.refused(self.ctx, db, watched.channel, asked_at)
                await backfill.plan(db, watched.channel)
            self.watchlist.by_id.pop(watched.channel.telegram_id, None)
        except _OURS_TO_RAISE:
            raise
        except (AssistantError, errors.RPCError) as error:
            log.warning("reader.look_failed", channel=str(watched.channel.id), error=type(error).__name__)

    async def _compare(self, watched: Watched) -> None:
        """Compare the newest pages, then one older page.

        From call to call the older page moves through the history, to find edits and deletions for which no
        update arrived.
        """
        async with self.ctx.transaction() as db:
            channel = await backfill.followed(db, watched.channel.id)
            if channel is None:
                return
            if await backfill.untouched(db, channel):
                watched.put_off(_UNTOUCHED_SECONDS)  # the history task reads its first page
                return
            oldest = await backfill.oldest(db, channel.id)
        below, pages = 0, watched.pages
        for _ in range(pages):
            below = await history_pages.reconcile(self.ctx, channel, below=below)
            if below <= oldest:
                break
        watched.pages = 1
        start = min(watched.older or below, below)
        watched.older = await history_pages.reconcile(self.ctx, channel, below=start) if start > oldest else 0
