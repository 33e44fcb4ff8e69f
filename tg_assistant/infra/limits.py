"""How often something may happen: counted in this process, or in Redis for several workers."""

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
_ANSWER_SECONDS = 1.0  # Redis answers within a millisecond, or is as good as away


@dataclass(frozen=True)
class RateLimitStatus:
    """How much of one rate is left to one key. `reset` is in seconds: when the oldest use stops counting."""

    rule: str
    limit: int
    window: int
    remaining: int
    reset: int
    allowed: bool


def rate(text: str) -> RateLimitItem:
    """`count:seconds` as a rate."""
    count, _, seconds = text.partition(":")
    return RateLimitItemPerSecond(int(count), int(seconds))


class _Memory:
    """Uses by key, counted on a clock that nobody can set: one set back would keep a window full for long."""

    def __init__(self, longest: float) -> None:
        self._longest = longest  # seconds after which no use counts any more, by whatever rule
        self._uses: dict[tuple[str, str], deque[float]] = {}
        self._clean_at = 0.0

    async def hit(self, item: RateLimitItem, rule: str, key: str) -> tuple[bool, int, float]:
        """Whether it is allowed, how many are left, and in how many seconds the oldest use stops counting."""
        now, window = time.monotonic(), item.get_expiry()
        if now >= self._clean_at:  # forget keys nobody uses: there are as many as there are addresses
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
        """Forget every use."""
        self._uses.clear()

    async def close(self) -> None:
        pass


class _Redis:
    """Uses by key, one count for several workers."""

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
    """A moving window for each rule and key; nothing in it may not be lost."""

    def __init__(self, rates: Mapping[str, str], redis_url: str | None = None) -> None:
        self._rates = {name: rate(text) for name, text in rates.items()}
        self._say_at, self._away = 0.0, 0
        longest = max((item.get_expiry() for item in self._rates.values()), default=0)
        self._storage = _Redis(redis_url) if redis_url else _Memory(longest)

    async def hit(self, rule: str, key: str) -> RateLimitStatus:
        """Count one use. Raises Unavailable where Redis does not answer: nobody is let through uncounted."""
        item = self._rates[rule]
        try:
            allowed, remaining, seconds = await self._storage.hit(item, rule, key)
        except (StorageError, OSError) as error:
            cause = type(error.__cause__ or error).__name__
            self._away += 1
            if time.monotonic() >= self._say_at:  # a line a minute: everybody who knocks meanwhile meets this
                log.error("limits.unavailable", error=cause, refused=self._away)
                self._say_at, self._away = time.monotonic() + _SAY_SECONDS, 0
            raise Unavailable("limits.unavailable", retry_after=5) from error
        # several workers' clocks may differ, and one may be set: never longer than the window
        reset = min(item.get_expiry(), max(1, math.ceil(seconds)))
        return RateLimitStatus(rule, item.amount, item.get_expiry(), max(0, remaining), reset, allowed)

    async def answers(self) -> bool:
        """Whether counting works; where it does not, nobody signs in."""
        try:
            return await self._storage.check()
        except (StorageError, OSError):
            return False

    async def close(self) -> None:
        """Gives Redis's connections back."""
        await self._storage.close()


def _redis(url: str) -> RedisStorage:
    options: dict[str, Any] = {
        "socket_timeout": _ANSWER_SECONDS,
        "socket_connect_timeout": _ANSWER_SECONDS,
        "retry": Retry(NoBackoff(), 1),  # a connection that died while idle
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
