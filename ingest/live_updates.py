"""Live updates, saved as they arrive. Comparison with the history (`reader`) corrects any errors here."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import structlog
from telethon import types

from ingest import convert, history_pages, own_list
from ingest.context import AccountContext
from ingest.watchlist import Watched, Watchlist
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.channels import backfill
from tg_assistant.core.posts import ingestion

log = structlog.get_logger()
BATCH = 100
UPDATES = (
    types.UpdateNewChannelMessage,
    types.UpdateEditChannelMessage,
    types.UpdateDeleteChannelMessages,
    types.UpdateChannel,
    types.UpdateChannelTooLong,
)


@dataclass
class Hints:
    ctx: AccountContext
    watchlist: Watchlist
    queue: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    async def on_update(self, update: Any) -> None:
        """Telethon's handler: only queues updates, which preserves their order."""
        self.queue.put_nowait(update)

    async def take(self) -> None:
        """Save the queued updates in order and in batches, until cancelled. Raises LeaseLost."""
        while True:
            batch = [await self.queue.get()]
            while len(batch) < BATCH and not self.queue.empty():
                batch.append(self.queue.get_nowait())
            for (telegram_id, kind), same in groupby(batch, key=lambda u: (_channel_of(u), _kind(u))):
                await self._try(telegram_id, kind, list(same))
            for _ in batch:
                self.queue.task_done()

    async def _try(self, telegram_id: int | None, kind: str, updates: Sequence[Any]) -> None:
        watched = self.watchlist.by_id.get(telegram_id or 0)
        try:
            await own_list.noticed(self.ctx, updates)
            if watched is not None:
                await self._save(watched, kind, updates)
        except LeaseLost:
            raise
        except Exception as error:  # a malformed update or an outage: reading goes on
            log.exception("hints.failed", error=type(error).__name__)
            self.watchlist.look_soon(telegram_id)

    async def _save(self, watched: Watched, kind: str, updates: Sequence[Any]) -> None:
        if kind == "look":
            self.watchlist.look_soon(watched.channel.telegram_id)
            return
        if not watched.reads:
            return
        async with self.ctx.transaction() as db:
            channel = await backfill.followed(db, watched.channel.id)
            if channel is None:
                return
            if kind == "delete":
                ids = [id_ for update in updates for id_ in update.messages]
                await ingestion.mark_deleted(db, channel.id, ids)
            else:
                posts = [post for update in updates for post in _posts(update)]
                await ingestion.save_live(db, channel.id, posts, [update.message.id for update in updates])
                await backfill.plan(db, channel)  # ids between these and the known ranges are a gap
        watched.joined = True
        if watched.pages == 1:  # not while a comparison after a time offline is still due
            watched.put_off()


def _posts(update: Any) -> list[ingestion.IncomingPost]:
    titles = {entity.id: convert.name_of(entity) for entity in (update._entities or {}).values()}
    return history_pages.converted([update.message], titles)


def _channel_of(update: Any) -> int | None:
    peer = getattr(getattr(update, "message", None), "peer_id", None)
    return getattr(update, "channel_id", None) or getattr(peer, "channel_id", None)


def _kind(update: Any) -> str:
    if isinstance(update, types.UpdateDeleteChannelMessages):
        return "delete"
    new = isinstance(update, types.UpdateNewChannelMessage | types.UpdateEditChannelMessage)
    return "message" if new else "look"
