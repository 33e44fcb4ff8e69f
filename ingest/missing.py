"""Posts that Telegram no longer shows: few are deleted at once, many only after a second look."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

CONFIRM_SECONDS = 180.0  # between the look that misses many posts and the one that confirms it
MANY, MANY_SHARE = 20, 0.05  # more than either at a look are many …
FEW = 2  # … but up to so many are not, however small the channel
AT_ONCE = 500  # posts of a second look at a time


@dataclass
class Missing:
    """One channel's posts that were missing, with the loop time of the look that missed them first.

    It is kept in memory: after a restart the first look starts over, so nothing is deleted too early.
    """

    since: dict[int, float] = field(default_factory=dict)

    def judge(self, gone: Collection[int], *, compared: int, nothing_shown: bool = False) -> list[int]:
        """Return the `gone` posts if they are few, otherwise none: they are remembered for a second look.

        `compared` is the number of posts of the look, `nothing_shown` whether the history was empty: then
        even one post is many.
        """
        many = len(gone) > MANY or (len(gone) > FEW and len(gone) > compared * MANY_SHARE)
        if not self.since and not nothing_shown and not many:
            return list(gone)
        now = asyncio.get_running_loop().time()
        self.since |= dict.fromkeys((id_ for id_ in gone if id_ not in self.since), now)
        return []

    def seen(self, ids: Iterable[int]) -> None:
        """Forget posts that are there again, or whose deletion is decided."""
        for id_ in ids:
            self.since.pop(id_, None)

    def due(self) -> list[int]:
        """The ids whose second look is due, at most `AT_ONCE` of them."""
        now = asyncio.get_running_loop().time()
        return [id_ for id_, since in self.since.items() if since + CONFIRM_SECONDS <= now][:AT_ONCE]

    def next_due(self) -> float:
        """The loop time of the next second look; infinite without one."""
        return min(self.since.values(), default=float("inf")) + CONFIRM_SECONDS
