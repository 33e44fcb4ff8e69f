"""A lease held by this process: renewed while work runs, and treated as ended well before its deadline."""

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar
from uuid import UUID

import structlog

from tg_assistant.core.accounts import leases
from tg_assistant.core.accounts.leases import LEASE_SECONDS, Leased, LeaseLost, Trust
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres.db import Database, DatabaseError, Session

log = structlog.get_logger()
T = TypeVar("T")
RENEW_SECONDS = 4.0
MARGIN_SECONDS = 4.0  # longer than closing a connection takes
_JUMP = 1.0  # seconds; less is within the margin


def _now() -> float:
    """Seconds by a clock that also advances while the process is suspended or the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class EvenClock:
    """Detects jumps of PostgreSQL's clock by comparison with our monotonic one; one per process.

    A jump forward ends every lease at once, while the owners are still connected and renew within seconds; a
    jump back prolongs those of dead owners. So for a lease's length after a jump nothing is taken over, nor
    after a start, before which a jump would have gone unnoticed.
    """

    def __init__(self) -> None:
        self._even_since = _now()
        self._offset: tuple[float, float] | None = None  # PostgreSQL's clock minus ours, between these two

    async def trust(self, db: Session) -> Trust:
        """How far PostgreSQL's clock may be trusted in this transaction. Call it often, to notice jumps."""
        asked = _now()
        shown = (await leases.clock(db)).timestamp()
        least = shown - _now()
        most = shown - asked
        if self._offset and (least > self._offset[1] + _JUMP or most < self._offset[0] - _JUMP):
            log.error("lease.clock_jumped", seconds=round(least - self._offset[0]))
            self._even_since = _now()
        self._offset = (least, most)
        return Trust.none if _now() - self._even_since <= LEASE_SECONDS else Trust.long


class Lease:
    """Ownership of one row under `epoch`. Get it from `take`; work only inside `during`."""

    def __init__(self, db: Database, model: Leased, row_id: UUID, epoch: int, taken_at: float) -> None:
        self._db, self._model, self._row_id, self.epoch = db, model, row_id, epoch
        self._deadline = taken_at + LEASE_SECONDS - MARGIN_SECONDS
        self._open = True

    def left(self) -> float:
        """Seconds during which data may still be sent and connections opened; 0 if the lease has ended."""
        return max(0.0, self._deadline - _now()) if self._open else 0.0

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` under the lease, then release it; returns its result.

        Raises LeaseLost, after cancelling `work`, when the lease cannot be renewed.
        """
        working, keeping = asyncio.create_task(work), asyncio.create_task(self._keep())
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                keeping.result()
            return working.result()
        finally:
            self._open = self._open and not keeping.done()
            for task in (working, keeping):
                task.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)
            self._open = False
            with suppress(TimeoutError, Unavailable, DatabaseError, OSError):
                async with asyncio.timeout(MARGIN_SECONDS), self._db.transaction() as db:
                    await leases.release(db, self._model, self._row_id, self.epoch)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            asked_at = _now()
            try:
                left = max(0.0, self._deadline - asked_at)
                async with asyncio.timeout(left), self._db.transaction() as db:
                    await leases.renew(db, self._model, self._row_id, self.epoch)
            except (TimeoutError, Unavailable, DatabaseError, OSError) as error:
                log.warning("lease.not_renewed", row=str(self._row_id), error=type(error).__name__)
                if _now() + RENEW_SECONDS >= self._deadline:
                    raise LeaseLost from error
            else:
                self._deadline = asked_at + LEASE_SECONDS - MARGIN_SECONDS


async def take(
    db: Database, model: Leased, row_id: UUID, owner: str, clock: EvenClock | None = None
) -> Lease | None:
    """Take the lease of a row; None if another process owns it."""
    asked_at = _now()
    async with db.transaction() as session:
        trust = await clock.trust(session) if clock else Trust.usual
        epoch = await leases.take(session, model, row_id, owner, trust=trust)
    return None if epoch is None else Lease(db, model, row_id, epoch, asked_at)
