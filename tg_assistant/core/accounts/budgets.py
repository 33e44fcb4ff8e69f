"""How many requests to Telegram an account may make: from field reports, since Telegram publishes no numbers.

About 160 look-ups of names in a row, or sweeps of the list of dialogs, cost hours of FLOOD_WAIT; a page of
history a second is what Telethon itself reads. New sessions that read much are banned more often, so the
first days are slower. What is used is one moment per kind: until when the requests made so far last at the
allowed pace.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.models import Account, AccountBudget

READ, LIST, RESOLVE = "read", "list", "resolve"
SLOW_START = (0.5, 0.6, 0.8)  # of the budget, on the first, second and third day of a connection
FOR_PEOPLE = 0.25  # of each budget, kept for requests that a person waits for
_LISTS, _NAMES = 60, 50  # requests for the list of dialogs an hour, look-ups of names a day


@dataclass(frozen=True)
class Rate:
    """`limit` requests in `seconds`."""

    limit: int
    seconds: int

    def used(self, spent_until: float, now: float) -> int:
        """Return how many of the requests are used up at Unix time `now`, from 0 to `limit`."""
        return min(self.limit, max(0, math.ceil((spent_until - now) * self.limit / self.seconds)))

    def spend(self, spent_until: float, now: float) -> float:
        """Return the moment until which the budget is spent after one more request."""
        return max(now, spent_until) + self.seconds / self.limit

    def wait(self, spent_until: float, now: float, *, for_person: bool) -> float:
        """Return for how many seconds the next request has to wait."""
        share = 1.0 if for_person else 1.0 - FOR_PEOPLE
        return max(0.0, self.spend(spent_until, now) - now - self.seconds * share)


def rates(connected_at: datetime, now: datetime, per_minute: int) -> dict[str, Rate]:
    """Return the budget of an account connected then. `per_minute` 0: no limits, for a local Telegram."""
    if not per_minute:
        return {}
    share = slow_start(connected_at, now)
    whole = {READ: Rate(per_minute, 60), LIST: Rate(_LISTS, 3600), RESOLVE: Rate(_NAMES, 86_400)}
    return {kind: Rate(max(1, round(rate.limit * share)), rate.seconds) for kind, rate in whole.items()}


def slow_start(connected_at: datetime, now: datetime) -> float:
    """Return the share of the budget that is allowed on this day of the connection; 1 from the fourth on."""
    days = max(0, (now - connected_at) // timedelta(days=1))
    return SLOW_START[days] if days < len(SLOW_START) else 1.0


async def spent(db: AsyncSession, account_id: UUID) -> dict[str, float]:
    """Return the Unix time until which each kind of the account's budget is spent."""
    query = select(AccountBudget).where(AccountBudget.account_id == account_id)
    return {row.kind: row.spent_until.timestamp() for row in await db.exec(query)}


async def save(db: AsyncSession, account_id: UUID, spent_until: Mapping[str, float]) -> None:
    """Store until when the account's budget is spent."""
    tenant_id = select(Account.tenant_id).where(Account.id == account_id).scalar_subquery()
    for kind, moment in spent_until.items():
        until = datetime.fromtimestamp(moment, UTC)
        statement = insert(AccountBudget).values(
            account_id=account_id, tenant_id=tenant_id, kind=kind, spent_until=until
        )
        statement = statement.on_conflict_do_update(
            index_elements=["account_id", "kind"], set_={"spent_until": col(statement.excluded.spent_until)}
        )
        await db.exec(statement)
