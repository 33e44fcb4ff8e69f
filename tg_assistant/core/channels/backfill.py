"""What of a channel's history is still to be read, and by whom: one open task a channel at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import plans
from tg_assistant.core.accounts import tasks
from tg_assistant.core.channels import known_ranges, reader_accounts
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.core.names import TaskKind
from tg_assistant.infra import clock
from tg_assistant.models import (
    Account,
    AccountStatus,
    AccountTask,
    Channel,
    Membership,
    Post,
    Subscription,
)

LIVE_GAP = 5  # priority: a hole between live posts before the depths of the past


@dataclass(frozen=True)
class Wanted:
    """The next hole to read, `low`…`high`; `high` is None for "from the newest"."""

    low: int
    high: int | None


async def wanted(db: AsyncSession, channel: Channel) -> Wanted | None:
    """The newest hole; the past below the oldest known post only until the depth limit. None: all read."""
    known = await known_ranges.of(db, channel.id)
    if not known:
        return None if channel.backfill_done_at else Wanted(1, None)
    inner = known_ranges.inner_gaps(known, channel.top_message_id)
    if inner:
        return Wanted(*inner[0])
    if known[0].low <= 1:
        return None
    held = select(func.count()).where(Post.channel_id == channel.id, col(Post.deleted_at).is_(None))
    if (await db.exec(held)).one() >= await depth(db, channel.id):
        return None
    return Wanted(1, known[0].low - 1)


async def depth(db: AsyncSession, channel_id: UUID) -> int:
    """How many of the newest posts are kept: the largest `posts_limit` among those who follow."""
    names = select(plans_of_followers(channel_id, clock.now(db)))
    return plans.deepest((await db.exec(names)).one())


def plans_of_followers(channel_id: Any, now: datetime) -> ScalarSelect[Any]:
    """The names of the plans of those who follow a channel (an id, or an outer column)."""
    return (
        select(func.array_agg(plans.name_of_member(now).distinct()))
        .join(Subscription, col(Subscription.user_id) == col(Membership.user_id))
        .where(col(Subscription.channel_id) == channel_id)
        .scalar_subquery()
    )


async def plan(db: AsyncSession, channel: Channel, *, besides: UUID | None = None, delay: float = 0) -> bool:
    """Make sure that what is wanted has an open task, `besides` the one being finished; whether it had to.

    Writes down completion when nothing is wanted. `delay` in seconds is the polite pause between pages.
    """
    if channel.paused:
        return False
    hole = await wanted(db, channel)
    if hole is None:
        await complete(db, channel)
        return False
    if await _open_task(db, channel.id, besides):
        return False
    account = await reader_accounts.of(db, channel)
    if account is None:
        await _set(db, channel, last_error="channels.no_account", last_error_at=clock.now(db))
        return False
    priority = LIVE_GAP if channel.backfill_done_at else 0
    task = await tasks.add(
        db, account.id, TaskKind.history, {"channel_id": str(channel.id)}, priority=priority
    )
    task.not_before = func.now() + timedelta(seconds=delay)  # type: ignore[assignment]
    db.add(task)
    return True


async def complete(db: AsyncSession, channel: Channel) -> None:
    """All that is wanted of the past has been read."""
    if channel.backfill_done_at is None or channel.last_error:
        done_at = channel.backfill_done_at or clock.now(db)
        await _set(db, channel, backfill_done_at=done_at, last_error=None)


async def untouched(db: AsyncSession, channel: Channel) -> bool:
    """Whether not even the channel's first page has been read."""
    return channel.backfill_done_at is None and not await known_ranges.of(db, channel.id)


async def oldest(db: AsyncSession, channel_id: UUID) -> int:
    """The lowest known message id; 0 when none is."""
    known = await known_ranges.of(db, channel_id)
    return known[0].low if known else 0


async def followed(db: AsyncSession, channel_id: UUID) -> Channel | None:
    """The channel, while somebody follows it who has not paused it."""
    query = select(Subscription.user_id).where(
        Subscription.channel_id == channel_id, col(Subscription.paused).is_(False)
    )
    channel = await db.get(Channel, channel_id)
    return channel if channel is not None and (await db.exec(query)).first() is not None else None


async def _open_task(db: AsyncSession, channel_id: UUID, besides: UUID | None) -> bool:
    query = (
        select(AccountTask.id)
        .join(Account, col(Account.id) == col(AccountTask.account_id))
        .where(
            AccountTask.kind == TaskKind.history,
            col(AccountTask.done_at).is_(None),
            col(AccountTask.args)["channel_id"].astext == str(channel_id),
            Account.status == AccountStatus.connected,
            AccountTask.id != besides if besides else True,
        )
    )
    return (await db.exec(query)).first() is not None


async def plan_all(db: AsyncSession, tenant_id: UUID) -> int:
    """Give a task to every followed channel that lacks one; returns how many. A lost hint costs a minute."""
    followed = select(Subscription.channel_id).where(col(Subscription.paused).is_(False))
    query = select(Channel).where(Channel.tenant_id == tenant_id, col(Channel.id).in_(followed))
    return sum([await plan(db, channel) for channel in await db.exec(query)])


async def _set(db: AsyncSession, channel: Channel, **values: Any) -> None:
    await db.exec(update(Channel).where(col(Channel.id) == channel.id).values(**values))
    for name, value in values.items():
        setattr(channel, name, value)


def covered(hole: Wanted, ids: list[int]) -> Range | None:
    """The ids a page of history (`ids`, newest first) makes known, asked for from the hole's top down.

    A page may be shorter than asked for although more follow, so only an empty one closes the hole.
    """
    if not ids:
        return Range(hole.low, hole.high) if hole.high else None
    return Range(ids[-1], hole.high or ids[0])
