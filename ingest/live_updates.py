"""Live updates, saved as they arrive. Comparison with the history (`reconciler`) corrects any errors here."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import structlog
from telethon import types

from ingest import convert, history_pages, own_list, update_state
from ingest.context import AccountContext
from ingest.watchlist import Watched, Watchlist
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.channels import backfill, following
from tg_assistant.core.posts import ingestion

log = structlog.get_logger()
BATCH = 100
UPDATES = (
    types.UpdateNewChannelMessage,
    types.UpdateEditChannelMessage,
    types.UpdateDeleteChannelMessages,
    types.UpdateChannel,
)
_TRIES = 5  # of updates that cannot be saved, before they are left to the comparison with the history


@dataclass
class Hints:
    """An account's updates on their way to the database.

    `saved` are the channels' positions up to which all updates have been saved, as stored in the database.
    """

    ctx: AccountContext
    watchlist: Watchlist
    queue: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    saved: dict[int, int] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)  # channels, since the positions were stored
    tries: Counter[tuple[int, int]] = field(default_factory=Counter)  # by channel and position

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
            if watched is not None:
                await self._again(watched.channel.telegram_id)

    async def _again(self, telegram_id: int) -> None:
        """Have Telegram send again what could not be saved, and compare the channel with its history."""
        self.watchlist.look_soon(telegram_id)
        self.failed.add(telegram_id)
        position = self.saved.get(telegram_id)
        if position and self.tries[telegram_id, position] < _TRIES:
            self.tries[telegram_id, position] += 1
            await update_state.rewind(self.ctx.client, telegram_id, position)

    def without_failed(self, channels: dict[str, int]) -> dict[str, int]:
        """These positions; where an update could not be saved, the one before it."""
        failed, self.failed = self.failed, set()
        before = {str(id_): self.saved[id_] for id_ in failed if id_ in self.saved}
        return {
            id_: before.get(id_, pts)
            for id_, pts in channels.items()
            if int(id_) not in failed or id_ in before
        }

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
                new = [u.message.id for u in updates if isinstance(u, types.UpdateNewChannelMessage)]
                await ingestion.save_live(db, channel.id, posts, new)
                for title in filter(None, (convert.new_title(update.message) for update in updates)):
                    following.describe(channel, title, channel.username)
                await backfill.plan(db, channel)  # ids between these and the known ranges are a gap


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
