"""The current time, replaceable in tests, and a check that our clock and PostgreSQL's agree."""

from datetime import UTC, datetime, timedelta

import structlog
from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

log = structlog.get_logger()
IN_SESSION = "clock"  # key of the process's clock in a session's `info`
_APART = timedelta(hours=1)  # a larger difference is no drift: one of the clocks is wrong


class Clock:
    def now(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""
        return datetime.now(UTC)


SYSTEM = Clock()  # for code without a Runtime: the start of a process, the command line


def now(db: AsyncSession) -> datetime:
    """Return the current time of this transaction's process clock, for what it reads and writes."""
    return db.info.get(IN_SESSION, SYSTEM).now()


async def agreed(db: AsyncSession, clock: Clock) -> datetime | None:
    """Return the earlier of PostgreSQL's time and `clock`'s, for deleting data by age.

    Returns None while they differ by more than an hour: it is unknown which is wrong, and deletion is final.
    Most rows are dated by PostgreSQL's clock, so ours alone must not decide about them.
    """
    here, there = clock.now(), (await db.exec(select(func.clock_timestamp()))).one()
    if abs(here - there) > _APART:
        log.error("clocks.differ", seconds=round((here - there).total_seconds()))
        return None
    return min(here, there)
