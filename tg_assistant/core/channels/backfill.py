"""Which part of a channel's history is to be read next, and by which account: one open task per channel."""

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
    MAX_INDEX_ATTEMPTS,
    Account,
    AccountStatus,
    AccountTask,
    Channel,
    Membership,
    Post,
    Subscription,
)

# Backpressure: while more posts of a group than this wait for the index, some minutes of embedding, its older
# history is read no further. Live posts, gaps between posts and the newest page are, so nothing gets stale.
INDEX_BEHIND = 20_000
LIVE_GAP = 5  # task priority: a gap between live posts is filled before older history


@dataclass(frozen=True)
class Wanted:
    """The next gap to read, message ids `low`…`high`; `high` None means "from the newest"."""

    low: int
    high: int | None


async def wanted(db: AsyncSession, channel: Channel) -> Wanted | None:
    """Return the newest gap, or None when all is read.

    History below the oldest known post is wanted only until the depth limit is reached.
    """
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
    """Return how many of the newest posts to store: the largest `posts_limit` of the followers' plans."""
    names = select(plans_of_followers(channel_id, clock.now(db)))
    return plans.deepest((await db.exec(names)).one())


def plans_of_followers(channel_id: Any, now: datetime) -> ScalarSelect[Any]:
    """Return a subquery of the followers' plan names; `channel_id` is an id or an outer column."""
    return (
        select(func.array_agg(plans.name_of_member(now).distinct()))
        .join(Subscription, col(Subscription.user_id) == col(Membership.user_id))
        .where(col(Subscription.channel_id) == channel_id)
        .scalar_subquery()
    )


async def plan(db: AsyncSession, channel: Channel, *, besides: UUID | None = None, delay: float = 0) -> bool:
    """Add a task for what is wanted unless one other than `besides` is open; return whether one was added.

    Stores completion when nothing is wanted. Older history waits while the index is far behind; the sweep
    plans it then. `besides` is the task being finished, `delay` the pause between pages in seconds, so as not
    to burden Telegram.
    """
    if channel.paused:
        return False
    hole = await wanted(db, channel)
    if hole is None:
        await complete(db, channel)
        return False
    if await _open_task(db, channel.id, besides) or await _waits_for_index(db, channel, hole):
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
    """Store that all wanted history has been read, and clear the last error."""
    if channel.backfill_done_at is None or channel.last_error:
        done_at = channel.backfill_done_at or clock.now(db)
        await _set(db, channel, backfill_done_at=done_at, last_error=None)


async def untouched(db: AsyncSession, channel: Channel) -> bool:
    """Return whether not even the channel's first page has been read."""
    return channel.backfill_done_at is None and not await known_ranges.of(db, channel.id)


async def oldest(db: AsyncSession, channel_id: UUID) -> int:
    """Return the lowest known message id, or 0 when none is known."""
    known = await known_ranges.of(db, channel_id)
    return known[0].low if known else 0


async def followed(db: AsyncSession, channel_id: UUID) -> Channel | None:
    """Return the channel if it has a follower that has not paused it, else None."""
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


async def _waits_for_index(db: AsyncSession, channel: Channel, hole: Wanted) -> bool:
    """Return whether the gap is older history and over INDEX_BEHIND posts of the group are not indexed.

    Posts that are held do not count: nothing would ever index them.
    """
    if hole.low > 1 or hole.high is None:
        return False
    unindexed = select(Post.id).where(
        Post.tenant_id == channel.tenant_id,
        col(Post.indexed_generation) == 0,
        col(Post.index_attempts) < MAX_INDEX_ATTEMPTS,
    )
    return (await db.exec(unindexed.offset(INDEX_BEHIND).limit(1))).first() is not None


async def plan_all(db: AsyncSession, tenant_id: UUID) -> int:
    """Add a task for each followed channel that lacks one; return how many.

    Run by the sweep, so that a lost notification delays reading by a minute at most.
    """
    followed = select(Subscription.channel_id).where(col(Subscription.paused).is_(False))
    query = select(Channel).where(Channel.tenant_id == tenant_id, col(Channel.id).in_(followed))
    return sum([await plan(db, channel) for channel in await db.exec(query)])


async def _set(db: AsyncSession, channel: Channel, **values: Any) -> None:
    await db.exec(update(Channel).where(col(Channel.id) == channel.id).values(**values))
    for name, value in values.items():
        setattr(channel, name, value)


def covered(hole: Wanted, ids: list[int]) -> Range | None:
    """Return the range that a page of history makes known; `ids`, newest first, start at the gap's top.

    A page may be shorter than requested although more posts follow, so only an empty one closes the gap.
    """
    if not ids:
        return Range(hole.low, hole.high) if hole.high else None
    return Range(ids[-1], hole.high or ids[0])
