"""What time it is, so that tests can say so; and what may be believed of clocks that disagree."""

from datetime import UTC, datetime, timedelta

import structlog
from sqlmodel import func, select
from sqlmodel.ext.asyncio.session import AsyncSession

log = structlog.get_logger()
IN_SESSION = "clock"  # where a transaction carries its process's clock, as it carries the tenant
_APART = timedelta(hours=1)  # more is no drift: one of the two is wrong


class Clock:
    def now(self) -> datetime:
        """The present, timezone-aware, in UTC."""
        return datetime.now(UTC)


SYSTEM = Clock()  # where no Runtime is open: a process's start, the command line


def now(db: AsyncSession) -> datetime:
    """The present for what is read and written in this transaction, by its process's clock."""
    return db.info.get(IN_SESSION, SYSTEM).now()


async def agreed(db: AsyncSession, clock: Clock) -> datetime | None:
    """The present for whatever is deleted for its age: the earlier of PostgreSQL's clock and `clock`.

    None while they are more than an hour apart: nobody knows which is wrong, and what is deleted stays
    deleted. PostgreSQL's stamps most rows, so ours alone may not decide about them.
    """
    here, there = clock.now(), (await db.exec(select(func.clock_timestamp()))).one()
    if abs(here - there) > _APART:
        log.error("clocks.differ", seconds=round((here - there).total_seconds()))
        return None
    return min(here, there)
