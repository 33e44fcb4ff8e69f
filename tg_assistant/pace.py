"""How fast a socket may send: token buckets, in this process alone, as a socket lives in one."""

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
            self._forget_full(now)
        bucket = self._buckets.setdefault(key, _Bucket(self._count, now))
        gained = (now - bucket.at) * self._count / self._seconds
        bucket.left, bucket.at = min(self._count, bucket.left + gained), now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True

    def forget(self, key: str) -> None:
        self._buckets.pop(key, None)

    def _forget_full(self, now: float) -> None:
        """Who has been silent for that long is as somebody new."""
        for key in [key for key, bucket in self._buckets.items() if now - bucket.at >= self._seconds]:
            del self._buckets[key]
