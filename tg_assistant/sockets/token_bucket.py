"""Rate limits and log throttling for sockets, in this process's memory: a socket belongs to one process."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

_MANY = 1_000  # keys; beyond that, buckets that are full again are deleted


@dataclass
class _Bucket:
    left: float
    at: float


class Pace:
    """A token bucket for each key: `count` at once, and refilled with as many every `seconds`."""

    def __init__(self, count: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._count, self._seconds, self._clock = count, seconds, clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, key: str) -> bool:
        """Take a token of the key's bucket and return True; False, at no cost, when it is empty."""
        now = self._clock()
        if key not in self._buckets and len(self._buckets) >= _MANY:
            # after `seconds` without a use a bucket is full, like a new one
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
    """Throttles reports of frequent events: the first at once, later ones together every `seconds`."""

    def __init__(self, tell: Callable[[str, int], None], seconds: float = 60.0) -> None:
        """`tell` is called with the kind of event and its count since the last call for that kind.

        There should be few kinds.
        """
        self._tell, self._seconds = tell, seconds
        self._since: dict[str, int] = {}  # kind → count since it was last reported

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
