"""Fair scheduling of costly work: limited concurrency; next is the person with the least recent use."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from tg_assistant.errors import LimitReached, Unavailable
from tg_assistant.infra import metrics

AT_ONCE = 3  # for two cores; with more, each would only be slower
PER_PERSON, IN_ALL = 8, 200  # running or waiting, in one process
HEAVY_SECONDS, HEAVY_AT_ONCE = 3.0, 1  # people above this recent use share so many places
HALF_LIFE = 30.0  # seconds in which recorded use decays by half
_AGAIN_SECONDS = 5
_RULE = "at_once"


@dataclass
class _Share:
    """A person's recent use, `had` seconds of turns as of time `at`; `here` are running and waiting turns."""

    had: float = 0.0
    at: float = field(default_factory=time.monotonic)
    here: int = 0
    at_work: int = 0

    def now(self) -> float:
        return self.had * 0.5 ** ((time.monotonic() - self.at) / HALF_LIFE)

    def heavy(self) -> bool:
        """Return whether others take precedence: recent use is high, or a turn is running already."""
        return self.at_work > 0 or self.now() > HEAVY_SECONDS

    def add(self, seconds: float) -> None:
        self.had, self.at = self.now() + seconds, time.monotonic()


def check_count(here: int, most: int | None = None) -> None:
    """Raise LimitReached if one person has `most` (default PER_PERSON) or more pieces of work in progress."""
    most = PER_PERSON if most is None else most
    if here >= most:
        metrics.rate_limit_exceeded_total.labels(_RULE).inc()
        raise LimitReached("limits.at_once", policy=(_RULE, most, _AGAIN_SECONDS), retry_after=_AGAIN_SECONDS)


class FairQueue:
    """The process's queue. A hundred pieces of work of one person wait behind one of anybody else."""

    def __init__(self, at_once: int = AT_ONCE, per_person: int = PER_PERSON, in_all: int = IN_ALL) -> None:
        self._at_once, self._per_person, self._in_all = at_once, per_person, in_all
        self._shares: dict[UUID, _Share] = {}
        self._at_work: Counter[bool] = Counter()  # running turns, by whether they started as a heavy person's
        self._waiting: list[tuple[UUID, asyncio.Future[bool]]] = []

    def check_room(self, person: UUID) -> None:
        """Raise LimitReached if the person has too many turns here, Unavailable if the process has."""
        share = self._shares.get(person)
        if share is not None:
            check_count(share.here, self._per_person)
        if sum(each.here for each in self._shares.values()) >= self._in_all:
            metrics.rate_limit_exceeded_total.labels(_RULE).inc()
            raise Unavailable("texts.busy", retry_after=_AGAIN_SECONDS)

    @asynccontextmanager
    async def turn(self, person: UUID) -> AsyncGenerator[None]:
        """Wait for a turn and occupy it while the block runs."""
        share = self._shares.setdefault(person, _Share())
        share.here += 1
        try:
            heavy = await self._begun(person)
            began = time.monotonic()
            try:
                yield
            finally:
                share.add(time.monotonic() - began)
                self._end(person, heavy)
        finally:
            share.here -= 1
            if len(self._shares) > self._in_all:  # drop people with hardly any recent use
                kept = {whose: one for whose, one in self._shares.items() if one.here or one.now() > 0.1}
                self._shares = kept

    async def _begun(self, person: UUID) -> bool:
        """Wait for a turn; return whether it counts as a heavy person's."""
        ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((person, ready))
        self._serve()
        try:
            return await ready
        except asyncio.CancelledError:
            if ready.done() and not ready.cancelled():
                self._end(person, ready.result())  # the turn was granted at the same moment
            raise

    def _end(self, person: UUID, heavy: bool) -> None:
        self._shares[person].at_work -= 1
        self._at_work[heavy] -= 1
        self._serve()

    def _serve(self) -> None:
        """Grant free places to those with the least use, and at most HEAVY_AT_ONCE to heavy ones."""
        self._waiting = [(person, ready) for person, ready in self._waiting if not ready.done()]
        self._waiting.sort(key=lambda one: (self._shares[one[0]].at_work, self._shares[one[0]].now()))
        while self._waiting and self._at_work.total() < self._at_once:
            person, ready = self._waiting[0]
            heavy = self._shares[person].heavy()
            if heavy and self._at_work[True] >= HEAVY_AT_ONCE:
                return  # all others in the sorted list are heavy, too
            self._waiting.pop(0)
            self._shares[person].at_work += 1
            self._at_work[heavy] += 1
            ready.set_result(heavy)
