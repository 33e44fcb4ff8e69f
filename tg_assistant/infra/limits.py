"""How often something may happen: counted in this process, or in Redis for several workers."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tg_assistant.errors import Unavailable

log = structlog.get_logger()
_ANSWER_SECONDS = 1.0  # Redis answers within a millisecond, or is as good as away


@dataclass(frozen=True)
class Standing:
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


class RateLimits:
    """A moving window for each rule and key; nothing in it may not be lost."""

    def __init__(self, rates: Mapping[str, str], redis_url: str | None = None) -> None:
        self._rates = {name: rate(text) for name, text in rates.items()}
        self._storage = _redis(redis_url) if redis_url else MemoryStorage()
        self._limiter = MovingWindowRateLimiter(self._storage)

    async def hit(self, rule: str, key: str) -> Standing:
        """Count one use. Raises Unavailable where Redis does not answer: nobody is let through uncounted."""
        item = self._rates[rule]
        try:
            allowed = await self._limiter.hit(item, rule, key)
            stats = await self._limiter.get_window_stats(item, rule, key)
        except (StorageError, OSError) as error:
            log.error("limits.unavailable", rule=rule, error=type(error.__cause__ or error).__name__)
            raise Unavailable("limits.unavailable", retry_after=5) from error
        reset = max(1, math.ceil(stats.reset_time - time.time()))
        return Standing(rule, item.amount, item.get_expiry(), max(0, stats.remaining), reset, allowed)

    async def answers(self) -> bool:
        """Whether counting works; where it does not, nobody signs in."""
        try:
            return bool(await self._storage.check())
        except (StorageError, OSError):
            return False

    async def close(self) -> None:
        """Gives back what counts: Redis's connections, or the timer of the memory."""
        if isinstance(self._storage, RedisStorage):
            bridge: Any = self._storage.bridge
            await bridge.storage.aclose()
        elif self._storage.timer is not None:
            self._storage.timer.cancel()


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
