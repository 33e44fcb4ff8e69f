"""How far a channel's history has been read, as people are shown it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.channels import backfill, known_ranges
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.models import Channel, Post

_RATE_SECONDS = 60


@dataclass(frozen=True)
class Progress:
    """`done` of about `total_estimate` posts are here and `indexed` of them searchable.

    `rate` is in posts per second over the last minute; `eta_seconds` is None when there is no telling.
    """

    known_low: int | None
    known_high: int | None
    done: int
    total_estimate: int
    gaps: int
    rate: float
    eta_seconds: int | None
    last_error: str | None
    indexed: int
    finished: bool


async def measure(
    db: AsyncSession, channels: Sequence[Channel], readable: Collection[UUID]
) -> dict[UUID, Progress]:
    """The progress of each channel; one outside `readable` is reported as having lost its access, one that
    an admin switched off as such.
    """
    counts = await _counts(db, [channel.id for channel in channels])
    measured = {}
    for channel in channels:
        known = await known_ranges.of(db, channel.id)
        depth = await backfill.depth(db, channel.id)
        error = "channels.switched_off" if channel.paused else channel.last_error
        error = error if channel.id in readable else "channels.access_lost"
        measured[channel.id] = _progress(
            channel, known, counts.get(channel.id, (0, 0, 0, None)), depth, error
        )
    return measured


async def _counts(db: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, tuple[Any, ...]]:
    """Per channel: posts, indexed posts, posts of the last minute, and when the first of these came."""
    recent = col(Post.saved_at) > datetime.now(UTC) - timedelta(seconds=_RATE_SECONDS)
    query = (
        select(  # type: ignore[call-overload]
            Post.channel_id,
            func.count(),
            func.count().filter(col(Post.indexed_generation) > 0),
            func.count().filter(recent),
            func.min(col(Post.saved_at)).filter(recent),
        )
        .where(col(Post.channel_id).in_(ids), col(Post.deleted_at).is_(None))
        .group_by(col(Post.channel_id))
    )
    return {row[0]: tuple(row[1:]) for row in await db.exec(query)}


def _progress(
    channel: Channel, known: list[Range], counts: tuple[Any, ...], depth: int, error: str | None
) -> Progress:
    done, indexed, recent, since = counts
    finished = channel.backfill_done_at is not None and not known_ranges.inner_gaps(
        known, channel.top_message_id
    )
    total = done if finished else max(done, min(depth, _estimate(channel, known, done)))
    seconds = min(_RATE_SECONDS, max(1.0, (datetime.now(UTC) - since).total_seconds())) if since else 1.0
    rate = 0.0 if finished else recent / seconds
    return Progress(
        known_low=known[0].low if known else None,
        known_high=known[-1].high if known else None,
        done=done,
        total_estimate=total,
        gaps=len(known_ranges.inner_gaps(known, channel.top_message_id)),
        rate=round(rate, 2),
        eta_seconds=round((total - done) / rate) if rate else None,
        last_error=error,
        indexed=indexed,
        finished=finished,
    )


def _estimate(channel: Channel, known: list[Range], done: int) -> int:
    """Posts there will be, if the unknown ids hold as many posts as the known ones do."""
    ids = sum(r.high - r.low + 1 for r in known)
    return round(channel.top_message_id * done / ids) if ids else channel.top_message_id
