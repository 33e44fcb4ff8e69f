"""Ranges of a channel's message ids that are completely known; gaps are computed from them."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ScalarSelect, func
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.models import ChannelRange


class Range(NamedTuple):
    """Message ids low…high, both included."""

    low: int
    high: int


def gaps(ranges: Sequence[Range], top: int) -> list[Range]:
    """Return the unknown ranges within 1…top, newest first. `ranges` must ascend and not be adjacent."""
    found = []
    high = top
    for known in reversed(ranges):
        if known.high < high:
            found.append(Range(known.high + 1, high))
        high = min(high, known.low - 1)
    return [*found, Range(1, high)] if high >= 1 else found


def inner_gaps(ranges: Sequence[Range], top: int) -> list[Range]:
    """Return the gaps above the oldest known id, which are filled regardless of the depth limit."""
    oldest = ranges[0].low if ranges else top + 1
    return [gap for gap in gaps(ranges, top) if gap.low > oldest]


async def of(db: AsyncSession, channel_id: UUID) -> list[Range]:
    """Return a channel's known ranges, ascending."""
    query = select(ChannelRange).where(ChannelRange.channel_id == channel_id).order_by(col(ChannelRange.low))
    return [Range(row.low, row.high) for row in await db.exec(query)]


def as_json(channel_id: Any) -> ScalarSelect[Any]:
    """Return a subquery of the known ranges as JSON, for `from_json`; `channel_id` may be an outer column."""
    low, high = col(ChannelRange.low), col(ChannelRange.high)
    pairs = func.jsonb_agg(aggregate_order_by(func.jsonb_build_array(low, high), low))
    return select(pairs).where(col(ChannelRange.channel_id) == channel_id).scalar_subquery()


def from_json(pairs: Sequence[Sequence[int]] | None) -> list[Range]:
    """Convert what `as_json` selected."""
    return [Range(low, high) for low, high in pairs or ()]


async def add(db: AsyncSession, tenant_id: UUID, channel_id: UUID, new: Range) -> None:
    """Store that `new` is known, merged with adjacent ranges. The caller holds the channel's row lock."""
    touching = (
        delete(ChannelRange)
        .where(
            col(ChannelRange.channel_id) == channel_id,
            col(ChannelRange.low) <= new.high + 1,
            col(ChannelRange.high) >= new.low - 1,
        )
        .returning(col(ChannelRange.low), col(ChannelRange.high))
    )
    whole = new
    for low, high in await db.exec(touching):
        whole = Range(min(whole.low, low), max(whole.high, high))
    await db.exec(
        insert(ChannelRange).values(
            channel_id=channel_id, tenant_id=tenant_id, low=whole.low, high=whole.high
        )
    )
