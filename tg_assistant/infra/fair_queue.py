"""Costly work in turn: so much at once, and of those who wait each person is next as often as any other."""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from tg_assistant.errors import LimitReached, Unavailable
from tg_assistant.infra import metrics

AT_ONCE = 2  # the embedder's threads: more at once would only make each of them slower
PER_PERSON, IN_ALL = 8, 200  # at work or waiting, in one process
_AGAIN_SECONDS = 5
_RULE = "at_once"


class FairQueue:
    """One a process. A hundred pieces of one person's wait behind one another, not before others'."""

    def __init__(self, at_once: int = AT_ONCE, per_person: int = PER_PERSON, in_all: int = IN_ALL) -> None:
        self._free, self._per_person, self._in_all = at_once, per_person, in_all
        self._here: Counter[UUID] = Counter()
        self._waiting: OrderedDict[UUID, deque[asyncio.Future[None]]] = OrderedDict()

    def check_room(self, person: UUID) -> None:
        """Raises LimitReached while the person has as many here as may be, Unavailable while all have."""
        if self._here[person] >= self._per_person:
            metrics.rate_limit_exceeded_total.labels(_RULE).inc()
            policy = (_RULE, self._per_person, _AGAIN_SECONDS)
            raise LimitReached("limits.at_once", policy=policy, retry_after=_AGAIN_SECONDS)
        if self._here.total() >= self._in_all:
            metrics.rate_limit_exceeded_total.labels(_RULE).inc()
            raise Unavailable("texts.busy", retry_after=_AGAIN_SECONDS)

    @asynccontextmanager
    async def turn(self, person: UUID) -> AsyncIterator[None]:
        """Wait for one's turn, and have it for as long as the block runs."""
        self._here[person] += 1
        try:
            await self._taken(person)
            try:
                yield
            finally:
                self._pass_on()
        finally:
            self._here[person] -= 1
            self._here += Counter()  # who has nothing here is not remembered

    async def _taken(self, person: UUID) -> None:
        if self._free:
            self._free -= 1
            return
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(person, deque()).append(ready)
        try:
            await ready
        except asyncio.CancelledError:
            if ready.done() and not ready.cancelled():
                self._pass_on()  # the turn had come in that very moment
            raise

    def _pass_on(self) -> None:
        """The next person's next; who gave up waiting is passed over."""
        while self._waiting:
            person, line = self._waiting.popitem(last=False)
            ready = line.popleft()
            if line:
                self._waiting[person] = line  # behind everybody else who waits
            if not ready.done():
                ready.set_result(None)
                return
        self._free += 1
