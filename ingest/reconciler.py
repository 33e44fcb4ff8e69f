"""Compares an account's channels with Telegram's history by their own clocks, page by page with pauses."""

import asyncio
from dataclasses import dataclass

import structlog
from telethon import errors

from ingest import comparison, history_pages
from ingest.context import AccountContext
from ingest.watchlist import ACCESS_SECONDS, Watched, Watchlist
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.channels import backfill, comparisons
from tg_assistant.core.names import Topic
from tg_assistant.errors import AssistantError
from tg_assistant.models import Channel

log = structlog.get_logger()
REFRESH_SECONDS = 60.0
PAUSE = 2.0  # seconds between two pages: 30 requests a minute …
URGENT_PAUSE = 0.5  # … and where something is known to be missing
_RETRY_SECONDS = 60.0
_UNTOUCHED_SECONDS = 5.0
_OURS_TO_RAISE = (LeaseLost, ConnectionError, errors.UnauthorizedError, errors.AuthKeyError)


@dataclass
class Reconciler:
    ctx: AccountContext
    watchlist: Watchlist

    async def run(self) -> None:
        """Compare what is due until cancelled; wakes when the tenant's subscriptions change."""
        key, loop = str(self.ctx.tenant_id), asyncio.get_running_loop()
        async with self.ctx.rt.events.listening(Topic.subscriptions, key) as changed:
            self.watchlist.changed = changed
            refreshed = 0.0
            while True:
                if changed.is_set() or loop.time() - refreshed >= REFRESH_SECONDS:
                    changed.clear()
                    await self.watchlist.refresh()
                    refreshed = loop.time()
                if (due := self.watchlist.next_step()) is None:
                    await changed.within(self.watchlist.seconds_left(REFRESH_SECONDS))
                    continue
                watched, step = due
                await self._try(watched, step.part)
                await asyncio.sleep(URGENT_PAUSE if step.urgent else PAUSE)

    async def _try(self, watched: Watched, part: str) -> None:
        asked_at = self.ctx.rt.clock.now()
        try:
            if part == "access":
                watched.access_due = asyncio.get_running_loop().time() + ACCESS_SECONDS
                await history_pages.check_access(self.ctx, watched.channel)
            else:
                await self._compare(watched, part)
        except errors.FloodWaitError as error:
            watched.hold(error.seconds + 1)
        except history_pages.NO_ACCESS:
            async with self.ctx.transaction() as db:
                await history_pages.refused(self.ctx, db, watched.channel, asked_at)
                await backfill.plan(db, watched.channel)
            self.watchlist.by_id.pop(watched.channel.telegram_id, None)
        except _OURS_TO_RAISE:
            raise
        except (AssistantError, errors.RPCError) as error:
            watched.hold(_RETRY_SECONDS)
            log.warning("reader.look_failed", channel=str(watched.channel.id), error=type(error).__name__)

    async def _compare(self, watched: Watched, part: str) -> None:
        async with self.ctx.transaction() as db:
            channel = await backfill.followed(db, watched.channel.id)
            if channel is None or await backfill.untouched(db, channel):
                watched.hold(_UNTOUCHED_SECONDS)  # the history task reads the first page
                return
            oldest = await backfill.oldest(db, channel.id)
        if part == "confirm":
            await comparison.confirm(self.ctx, channel, watched.missing)
        elif part == "recent":
            low = await self._page(watched, channel, watched.recent.below)
            watched.recent_done(low, oldest)
        elif part == "newest":
            await self._newest(watched, channel, oldest)
        else:
            await self._older(watched, channel, oldest)

    async def _page(self, watched: Watched, channel: Channel, below: int) -> int:
        compared = await comparison.compare(self.ctx, channel, watched.missing, below=below)
        if compared.suspicious:
            watched.hurry()
        return compared.low

    async def _newest(self, watched: Watched, channel: Channel, oldest: int) -> None:
        """Compare a page of the newest posts, and after the last one store when they were compared."""
        if watched.newest.below == 0:
            watched.newest.began, watched.unmissed = self.ctx.rt.clock.now(), True
        began = watched.newest.began
        low = await self._page(watched, channel, watched.newest.below)
        if watched.newest_done(low, oldest):
            async with self.ctx.transaction() as db:
                await comparisons.keep(db, channel, newest_at=began, newest_low=low)

    async def _older(self, watched: Watched, channel: Channel, oldest: int) -> None:
        """Compare the next page of this pass through the older posts, and store how far it has come."""
        now = self.ctx.rt.clock.now()
        began, below = watched.older.began or now, watched.older.below or watched.newest_low
        watched.hurried = False  # for the next page, unless this one, too, has lost many posts
        low = await self._page(watched, channel, below) if below > oldest else 0
        if watched.older_done(low, oldest, now):
            state = {"older_below": 0, "older_since": None, "older_before": began}
        else:
            state = {"older_below": low, "older_since": began}
        async with self.ctx.transaction() as db:
            await comparisons.keep(db, channel, **state)
