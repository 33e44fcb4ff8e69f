"""Rate limits, counted in this process or, for several workers, in Redis."""

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tg_assistant.errors import Unavailable

log = structlog.get_logger()
_SAY_SECONDS = 60.0
_CLEAN_SECONDS = 60.0
_ANSWER_SECONDS = 1.0  # Redis normally answers within a millisecond; a slower one counts as unavailable


@dataclass(frozen=True)
class RateLimitStatus:
    """What is left of a rate to one key. `window` is in seconds, `reset` the seconds until the oldest use
    stops counting.
    """

    rule: str
    limit: int
    window: int
    remaining: int
    reset: int
    allowed: bool


def rate(text: str) -> RateLimitItem:
    """Parse `count:seconds`."""
    count, _, seconds = text.partition(":")
    return RateLimitItemPerSecond(int(count), int(seconds))


class _Memory:
    """Uses by key, on the monotonic clock: if a settable clock were set back, windows would stay full."""

    def __init__(self, longest: float) -> None:
        self._longest = longest  # the longest window in seconds
        self._uses: dict[tuple[str, str], deque[float]] = {}
        self._clean_at = 0.0

    async def hit(self, item: RateLimitItem, rule: str, key: str) -> tuple[bool, int, float]:
        """Return whether it is allowed, how many are left, and the seconds until the oldest use expires."""
        now, window = time.monotonic(), item.get_expiry()
        if now >= self._clean_at:  # drop unused keys: there may be as many as addresses
            self._clean_at = now + _CLEAN_SECONDS
            old = now - self._longest
            self._uses = {key: uses for key, uses in self._uses.items() if uses and uses[-1] > old}
        uses = self._uses.setdefault((rule, key), deque())
        while uses and uses[0] <= now - window:
            uses.popleft()
        allowed = len(uses) < item.amount
        if allowed:
            uses.append(now)
        return allowed, item.amount - len(uses), (uses[0] if uses else now) + window - now

    async def check(self) -> bool:
        return True

    async def reset(self) -> None:
        """Delete all uses."""
        self._uses.clear()

    async def close(self) -> None:
        pass


class _Redis:
    """Uses by key, shared by several workers."""

    def __init__(self, url: str) -> None:
        self._storage = _redis(url)
        self._limiter = MovingWindowRateLimiter(self._storage)

    async def hit(self, item: RateLimitItem, rule: str, key: str) -> tuple[bool, int, float]:
        allowed = await self._limiter.hit(item, rule, key)
        stats = await self._limiter.get_window_stats(item, rule, key)
        return allowed, stats.remaining, stats.reset_time - time.time()

    async def check(self) -> bool:
        return bool(await self._storage.check())

    async def close(self) -> None:
        bridge: Any = self._storage.bridge
        await bridge.storage.aclose()


class RateLimits:
    """A moving window for each rule and key. All of it may be lost without harm."""

    def __init__(self, rates: Mapping[str, str], redis_url: str | None = None) -> None:
        self._rates = {name: rate(text) for name, text in rates.items()}
        self._say_at, self._away = 0.0, 0
        longest = max((item.get_expiry() for item in self._rates.values()), default=0)
        self._storage = _Redis(redis_url) if redis_url else _Memory(longest)

    async def hit(self, rule: str, key: str) -> RateLimitStatus:
        """Count one use. Raises Unavailable if Redis does not answer: nothing is allowed uncounted."""
        item = self._rates[rule]
        try:
            allowed, remaining, seconds = await self._storage.hit(item, rule, key)
        except (StorageError, OSError) as error:
            cause = type(error.__cause__ or error).__name__
            self._away += 1
            if time.monotonic() >= self._say_at:  # once a minute, because every request meanwhile fails here
                log.error("limits.unavailable", error=cause, refused=self._away)
                self._say_at, self._away = time.monotonic() + _SAY_SECONDS, 0
            raise Unavailable("limits.unavailable", retry_after=5) from error
        # clocks of workers may differ or be set, so the wait is limited to the window
        reset = min(item.get_expiry(), max(1, math.ceil(seconds)))
        return RateLimitStatus(rule, item.amount, item.get_expiry(), max(0, remaining), reset, allowed)

    async def answers(self) -> bool:
        """Return whether counting works; without it nobody can sign in."""
        try:
            return await self._storage.check()
        except (StorageError, OSError):
            return False

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._storage.close()


def _redis(url: str) -> RedisStorage:
    options: dict[str, Any] = {
        "socket_timeout": _ANSWER_SECONDS,
        "socket_connect_timeout": _ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 1),  # for a connection that died while idle
    }
    scheme, _, rest = url.partition("://")
    known = {"redis": "async+redis", "rediss": "async+rediss", "unix": "async+redis+unix"}
    return RedisStorage(
        f"{known.get(scheme, 'async+redis')}://{rest}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="tga",
        **options,
    )
