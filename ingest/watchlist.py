"""The channels assigned to one account, and when which part of each is due for comparison with Telegram."""

import asyncio
import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from ingest.context import AccountContext
from ingest.missing import Missing
from tg_assistant.core.channels import comparisons, reader_accounts
from tg_assistant.infra.postgres.events import Hint
from tg_assistant.models import Channel, Comparison

NEWEST_PAGES = 10  # of 100 messages: the newest 1,000
NEWEST_SECONDS = 600.0  # between two comparisons of them; promised are 15 minutes
OLDER_SECONDS = 20 * 3600.0  # for one pass through all older posts; promised is a day
ACCESS_SECONDS = 900.0  # between two checks of a channel that another account reads
RECENT_PAGES = 2  # are compared at once after a time offline, before all else
_UNCHANGED = (
    6  # times later is soon enough where Telegram says that nothing has changed, if there is much to do
)
_OLDER_PAUSES = (
    2.0,
    1.0,
)  # seconds between two older pages at least: usually, and while many posts are missing


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Walk:
    """A comparison of part of a channel, page by page, the newest first. `due` is in loop time."""

    due: float = field(default_factory=_now)
    below: int = 0  # id below which it continues; 0: at its start
    pages: int = 0  # compared since it began
    began: datetime | None = None

    def restart(self, due: float) -> None:
        self.due, self.below, self.pages, self.began = due, 0, 0, None


class Step(NamedTuple):
    """A page to compare, or posts to look at again, next; ordered by urgency."""

    urgent: bool
    late: float  # in relation to what is promised
    part: str  # "access", "confirm", "recent", "newest" or "older"


@dataclass
class Watched:
    """One channel. Each part of it has its own clock, which no update and no other part puts off."""

    channel: Channel
    reads: bool = True  # False: only checks that it still has access
    recent: Walk = field(default_factory=Walk)
    newest: Walk = field(default_factory=Walk)
    older: Walk = field(default_factory=lambda: Walk(math.inf))  # begins when the newest have been compared
    access_due: float = field(default_factory=_now)
    newest_low: int = 0  # lowest id of the last whole comparison of the newest posts
    hurried: bool = False  # many posts are missing, so the older ones are compared as fast as may be
    exact: bool = False  # no update was missed since the newest posts were compared …
    unmissed: bool = False  # … and since that comparison began
    unchanged: bool = False  # Telegram says that nothing has changed since
    missing: Missing = field(default_factory=Missing)
    held_until: float = 0.0  # nothing is requested before

    def resume(self, state: Comparison, now: datetime) -> None:
        """Go on where the comparison was when `state` was stored."""
        if state.newest_at is not None:
            self.newest.due = _now() + NEWEST_SECONDS - (now - state.newest_at).total_seconds()
            self.newest_low, self.older.due = state.newest_low, _now()
        self.older.below, self.older.began = state.older_below, state.older_since

    def steps(self) -> dict[str, tuple[float, float]]:
        """By part its due time, and within how many seconds it should be done."""
        if not self.reads:
            return {"access": (self.access_due, ACCESS_SECONDS)}
        return {
            "confirm": (self.missing.next_due(), 1.0),
            "recent": (self.recent.due, 1.0),
            "newest": (self.newest.due, NEWEST_SECONDS * (_UNCHANGED if self.unchanged else 1)),
            "older": (self.older.due, OLDER_SECONDS),
        }

    def next_step(self) -> Step | None:
        """The most urgent step that is due."""
        now = _now()
        if now < self.held_until:
            return None
        late = [
            Step(part in ("confirm", "recent") or self.hurried, (now - due) / within, part)
            for part, (due, within) in self.steps().items()
            if due <= now
        ]
        return max(late, default=None)

    def next_due(self) -> float:
        """The loop time at which there is something to do."""
        return max(self.held_until, min(due for due, _ in self.steps().values()))

    def hold(self, seconds: float) -> None:
        """Request nothing for `seconds`."""
        self.held_until = _now() + seconds

    def look(self) -> None:
        """Compare the most recent posts soon, unless they are being compared."""
        if self.recent.due == math.inf:
            self.recent.restart(_now())

    def look_soon(self) -> None:
        """Compare the most recent posts now: updates may have been missed."""
        self.recent.restart(_now())
        self.exact = self.unmissed = self.unchanged = False
        self.access_due = _now()

    def hurry(self) -> None:
        """Compare all of the channel soon: many posts are missing."""
        self.hurried = True
        self.newest.due = min(self.newest.due, _now())
        self.older.due = min(self.older.due, _now())

    def recent_done(self, low: int, oldest: int) -> None:
        """A page of the recent posts was compared down to id `low`."""
        self.recent.below, self.recent.pages = low, self.recent.pages + 1
        if low <= oldest or self.recent.pages >= RECENT_PAGES:
            self.recent.restart(math.inf)

    def newest_done(self, low: int, oldest: int) -> bool:
        """A page of the newest posts was compared down to `low`; return whether it was the last of them."""
        self.newest.below, self.newest.pages = low, self.newest.pages + 1
        if low > oldest and self.newest.pages < NEWEST_PAGES:
            return False
        self.newest_low, self.exact = low, self.unmissed
        self.newest.restart(_now() + NEWEST_SECONDS)
        self.older.due = min(self.older.due, _now())
        return True

    def older_done(self, low: int, oldest: int, now: datetime) -> bool:
        """An older page was compared down to id `low`; return whether that was the last one of this pass.

        The pages left are spread over the time left, so that a pass ends within its time.
        """
        began = self.older.began or now
        left = (began + timedelta(seconds=OLDER_SECONDS) - now).total_seconds()
        if low <= oldest:
            self.older.restart(_now() + max(left, 0.0))
            self.hurried = False
            return True
        pages = math.ceil((low - oldest) / 100)
        usually, hurried = _OLDER_PAUSES
        self.older.below, self.older.began = low, began
        self.older.due = _now() + (hurried if self.hurried else max(usually, left / pages))
        return False


@dataclass
class Watchlist:
    ctx: AccountContext
    by_id: dict[int, Watched] = field(default_factory=dict)  # by Telegram's id
    changed: Hint = field(default_factory=Hint)
    behind: Hint = field(
        default_factory=Hint
    )  # set: updates may have been missed, so ask for the positions now

    async def refresh(self) -> None:
        """Read the assigned channels from the database; new ones are due at once."""
        async with self.ctx.transaction() as db:
            found = await reader_accounts.looked_after(db, self.ctx.account_id)
            added = [each.channel.id for each in found if each.channel.telegram_id not in self.by_id]
            states = await comparisons.of(db, added) if added else {}
        fresh = {}
        for channel, _, reads in found:
            watched = self.by_id.get(channel.telegram_id)
            if watched is None:
                watched = Watched(channel)
                if state := states.get(channel.id):
                    watched.resume(state, self.ctx.rt.clock.now())
            watched.channel, watched.reads = channel, reads
            fresh[channel.telegram_id] = watched
        self.by_id = fresh

    def look_soon(self, telegram_id: int | None) -> None:
        """Make the channel (None: all channels) due now: updates may have been missed.

        Of a single channel they are known to be lost, so all its newest posts are due.
        """
        for id_, watched in self.by_id.items():
            if telegram_id in (None, id_):
                watched.look_soon()
            if telegram_id == id_:
                watched.newest.due = min(watched.newest.due, _now())
        self.changed.set()

    def next_step(self) -> tuple[Watched, Step] | None:
        """The most urgent step that is due, and its channel."""
        due = [(step, id_) for id_, watched in self.by_id.items() if (step := watched.next_step())]
        if not due:
            return None
        step, id_ = max(due)
        return self.by_id[id_], step

    def seconds_left(self, at_most: float) -> float:
        """Seconds until the next step is due, from 0 to `at_most`."""
        return max(0.0, min([at_most, *(w.next_due() - _now() for w in self.by_id.values())]))
