"""How fast a socket may send, and how often that is told: in this process alone, as a socket lives in one."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

_MANY = 1_000  # keys; beyond, those that are full again are forgotten


@dataclass
class _Bucket:
    left: float
    at: float


class Pace:
    """`count` at once for each key, and as many again every `seconds`."""

    def __init__(self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._count, self._seconds, self._clock = count, seconds, clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str) -> bool:
        """Whether there is one more for this key now; what is refused costs nothing."""
        now = self._clock()
        if key not in self._buckets and len(self._buckets) >= _MANY:
            # who has been silent for that long is as somebody new
            for silent in [one for one, had in self._buckets.items() if now - had.at >= self._seconds]:
                del self._buckets[silent]
        bucket = self._buckets.setdefault(key, _Bucket(self._count, now))
        gained = (now - bucket.at) * self._count / self._seconds
        bucket.left, bucket.at = min(self._count, bucket.left + gained), now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def forget(self, key: str) -> None:
        self._buckets.pop(key, None)


class Tally:
    """What happens too often to be told each time: told at once, then once a minute with its count."""

    def __init__(self, tell: Callable[[str, int], None], seconds: float = 60.0) -> None:
        """`tell` hears what happened, of few kinds, and how often since it last heard of that kind."""
        self._tell, self._seconds = tell, seconds
        self._since: dict[str, int] = {}  # kind → how often since it was told

    def add(self, kind: str) -> None:
        if kind in self._since:
            self._since[kind] += 1
        else:
            self._told(kind, 1)

    def _told(self, kind: str, count: int) -> None:
        self._since[kind] = 0
        asyncio.get_running_loop().call_later(self._seconds, self._again, kind)
        self._tell(kind, count)

    def _again(self, kind: str) -> None:
        if count := self._since.pop(kind):
            self._told(kind, count)
