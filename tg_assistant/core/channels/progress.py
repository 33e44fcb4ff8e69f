"""How far a channel's history has been read, as shown to its followers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import plans
from tg_assistant.core.channels import backfill, known_ranges, readable
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.infra import clock
from tg_assistant.models import MAX_INDEX_ATTEMPTS, Channel, Post

_RATE_SECONDS = 60


@dataclass(frozen=True)
class Progress:
    """Progress of a channel: `done` of about `total_estimate` posts are stored, `indexed` of them searchable.

    `held` of them could not be indexed and are not tried again.
    `rate` is in posts per second over the last minute; `eta_seconds` is None without a rate.
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
    held: int = 0


async def measure(db: AsyncSession, channels: Sequence[Channel], user_id: UUID) -> dict[UUID, Progress]:
    """Return the progress of each channel as shown to this follower, with a single statement.

    A channel they may not read is reported as "access lost", one that an admin paused as switched off.
    """
    by_id = {channel.id: channel for channel in channels}
    if not by_id:
        return {}
    now = clock.now(db)
    rows = (await db.exec(_facts(list(by_id), user_id, now))).all()
    return {row.id: _progress(by_id[row.id], row, now) for row in rows}


def _facts(ids: Sequence[UUID], user_id: UUID, now: datetime) -> Any:
    """Select per channel: its posts, indexed posts, those of the last minute and when the first of these was
    saved; the known ranges, the followers' plans, and whether the follower's access is not lost.
    """
    recent = col(Post.saved_at) > now - timedelta(seconds=_RATE_SECONDS)
    held = (col(Post.indexed_generation) == 0) & (col(Post.index_attempts) >= MAX_INDEX_ATTEMPTS)
    posts = (
        select(
            func.count().label("done"),
            func.count().filter(col(Post.indexed_generation) > 0).label("indexed"),
            func.count().filter(recent).label("recent"),
            func.min(col(Post.saved_at)).filter(recent).label("since"),
        )
        .add_columns(func.count().filter(held).label("held"))
        .where(col(Post.channel_id) == col(Channel.id), col(Post.deleted_at).is_(None))
        .lateral("posts_here")
    )
    return select(  # type: ignore[call-overload]
        col(Channel.id).label("id"),
        posts,
        known_ranges.as_json(col(Channel.id)).label("known"),
        backfill.plans_of_followers(col(Channel.id), now).label("plans"),
        (readable.by(user_id) | readable.being_checked(user_id)).label("open"),
    ).where(col(Channel.id).in_(ids))


def _error(channel: Channel, is_open: bool) -> str | None:
    if not is_open:
        return "channels.access_lost"
    return "channels.switched_off" if channel.paused else channel.last_error


def _progress(channel: Channel, facts: Any, now: datetime) -> Progress:
    if not facts.open:  # only readers may see how much is posted there
        return Progress(None, None, 0, 0, 0, 0.0, None, _error(channel, False), 0, True)
    done, known = facts.done, known_ranges.from_json(facts.known)
    gaps = known_ranges.inner_gaps(known, channel.top_message_id)
    finished = channel.backfill_done_at is not None and not gaps
    depth = plans.deepest(facts.plans)
    total = done if finished else max(done, min(depth, _estimate(channel, known, done)))
    seconds = min(_RATE_SECONDS, max(1.0, (now - facts.since).total_seconds())) if facts.since else 1.0
    rate = 0.0 if finished else facts.recent / seconds
    return Progress(
        known_low=known[0].low if known else None,
        known_high=known[-1].high if known else None,
        done=done,
        total_estimate=total,
        gaps=len(gaps),
        rate=round(rate, 2),
        eta_seconds=round((total - done) / rate) if rate else None,
        last_error=_error(channel, facts.open),
        indexed=facts.indexed,
        finished=finished,
        held=facts.held,
    )


def _estimate(channel: Channel, known: list[Range], done: int) -> int:
    """Estimate the total number of posts: the share of ids that are posts is assumed to be constant."""
    ids = sum(r.high - r.low + 1 for r in known)
    return round(channel.top_message_id * done / ids) if ids else channel.top_message_id
