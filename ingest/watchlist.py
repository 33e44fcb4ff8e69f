"""The channels one account looks after, and when each is due to be held against Telegram's history."""

import asyncio
from dataclasses import dataclass, field

from ingest.context import AccountContext
from tg_assistant.core.channels import reader_accounts
from tg_assistant.infra.postgres.events import Hint
from tg_assistant.models import Channel

QUIET_SECONDS = 900.0  # a joined channel that says nothing is looked at this often
NOT_JOINED_SECONDS = 90.0  # Telegram pushes nothing of channels the account has not joined
RECENT_PAGES = 2  # of 100 messages, held against ours after a time offline


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Watched:
    """One channel; `due` is in loop time."""

    channel: Channel
    joined: bool
    reads: bool = True  # or only asks whether it still may
    due: float = field(default_factory=_now)
    pages: int = RECENT_PAGES
    older: int = 0  # where the slow walk through the past stands; 0: at its start

    def put_off(self, seconds: float | None = None) -> None:
        """Due again after `seconds`, or after the usual time."""
        self.due = _now() + (seconds or (QUIET_SECONDS if self.joined else NOT_JOINED_SECONDS))


@dataclass
class Watchlist:
    ctx: AccountContext
    by_id: dict[int, Watched] = field(default_factory=dict)  # by Telegram's id
    changed: Hint = field(default_factory=Hint)

    async def refresh(self) -> None:
        """Read again who is looked after; those that are new are due at once."""
        async with self.ctx.transaction() as db:
            found = await reader_accounts.looked_after(db, self.ctx.account_id)
        fresh = {}
        for channel, joined, reads in found:
            watched = self.by_id.get(channel.telegram_id) or Watched(channel, joined)
            watched.reads = reads
            watched.channel, watched.joined = channel, joined or watched.joined
            fresh[channel.telegram_id] = watched
        self.by_id = fresh

    def look_soon(self, telegram_id: int | None) -> None:
        """Something was missed in the channel (None: in any)."""
        for id_, watched in self.by_id.items():
            if telegram_id in (None, id_):
                watched.due, watched.pages = _now(), RECENT_PAGES
        self.changed.set()

    def due(self) -> list[Watched]:
        """Those to look at now, the longest overdue first."""
        return sorted((w for w in self.by_id.values() if w.due <= _now()), key=lambda w: w.due)

    def seconds_left(self, at_most: float) -> float:
        """Until the next one is due."""
        return max(0.0, min([at_most, *(w.due - _now() for w in self.by_id.values())]))
