"""When a channel's posts were last compared with Telegram, and where that goes on after a restart."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.models import Channel, Comparison


async def of(db: AsyncSession, channel_ids: Collection[UUID]) -> dict[UUID, Comparison]:
    """Return the state of the comparison by channel; channels that were never compared are left out."""
    query = select(Comparison).where(col(Comparison.channel_id).in_(channel_ids))
    return {row.channel_id: row for row in await db.exec(query)}


async def keep(db: AsyncSession, channel: Channel, **state: Any) -> None:
    """Store columns of the channel's `Comparison`; the others keep their values."""
    values = {"channel_id": channel.id, "tenant_id": channel.tenant_id, **state}
    row = insert(Comparison).values({"newest_low": 0, "older_below": 0, **values})
    await db.exec(row.on_conflict_do_update(index_elements=["channel_id"], set_=values))


async def unchanged(db: AsyncSession, channel_ids: Collection[UUID], at: datetime) -> None:
    """Store that Telegram told at `at` that nothing in these channels has changed since the comparison."""
    known = col(Comparison.channel_id).in_(channel_ids), col(Comparison.newest_at) < at
    await db.exec(update(Comparison).where(*known).values(newest_at=at))


def moment_of(state: Comparison, message_id: int) -> datetime | None:
    """Return when a message of this id was last compared, at the earliest.

    The newest posts share one time. Older ones are compared from the newest to the oldest: those that the
    current pass has reached since it began, the rest since the pass before it began.
    """
    if message_id >= state.newest_low:
        return state.newest_at
    return state.older_since if state.older_below and message_id >= state.older_below else state.older_before


async def record_missing(db: AsyncSession, channel: Channel, *, posts: int, compared: int) -> None:
    """Record for admins that unusually many posts are missing at Telegram; they stay until a second look."""
    await audit.record(
        db,
        None,
        "channel.posts_missing",
        channel.id,
        tenant_id=channel.tenant_id,
        posts=posts,
        compared=compared,
    )


async def record_deleted(db: AsyncSession, channel: Channel, *, posts: int) -> None:
    """Record for admins that the second look confirmed it: these posts have been deleted at Telegram."""
    await audit.record(
        db, None, "channel.posts_deleted", channel.id, tenant_id=channel.tenant_id, posts=posts
    )
