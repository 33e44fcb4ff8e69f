"""The channels assigned to one account, and when each is due for comparison with Telegram's history."""

import asyncio
from dataclasses import dataclass, field

from ingest.context import AccountContext
from tg_assistant.core.channels import reader_accounts
from tg_assistant.infra.postgres.events import Hint
from tg_assistant.models import Channel

QUIET_SECONDS = 900.0  # between comparisons of a joined channel without updates
NOT_JOINED_SECONDS = 90.0  # Telegram pushes no updates of channels the account has not joined
RECENT_PAGES = 2  # of 100 messages, compared after a time offline


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Watched:
    """One channel; `due` is in loop time."""

    channel: Channel
    joined: bool
    reads: bool = True  # False: only checks that it still has access
    due: float = field(default_factory=_now)
    pages: int = RECENT_PAGES
    older: int = 0  # id below which the comparison of older pages continues; 0: at its start

    def put_off(self, seconds: float | None = None) -> None:
        """Make it due again after `seconds`, or after the usual time."""
        self.due = _now() + (seconds or (QUIET_SECONDS if self.joined else NOT_JOINED_SECONDS))


@dataclass
class Watchlist:
    ctx: AccountContext
    by_id: dict[int, Watched] = field(default_factory=dict)  # by Telegram's id
    changed: Hint = field(default_factory=Hint)

    async def refresh(self) -> None:
        """Read the assigned channels from the database; new ones are due at once."""
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
        """Make the channel (None: all channels) due now: updates may have been missed."""
        for id_, watched in self.by_id.items():
            if telegram_id in (None, id_):
                watched.due, watched.pages = _now(), RECENT_PAGES
        self.changed.set()

    def due(self) -> list[Watched]:
        """The channels that are due, the longest overdue first."""
        return sorted((w for w in self.by_id.values() if w.due <= _now()), key=lambda w: w.due)

    def seconds_left(self, at_most: float) -> float:
        """Seconds until the next channel is due, from 0 to `at_most`."""
        return max(0.0, min([at_most, *(w.due - _now() for w in self.by_id.values())]))
