"""Statistics of a group for its admins: aggregates only, no questions and no names."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.actor import Actor
from tg_assistant.infra import clock
from tg_assistant.infra.postgres import job_table
from tg_assistant.models import (
    Account,
    AccountStatus,
    AccountTask,
    Channel,
    Membership,
    Post,
    Question,
    Role,
    User,
)


@dataclass(frozen=True)
class Statistics:
    """Numbers of a group; `day` is the last 24 hours, `week` the last seven days.

    `abstained_share` (0…1) and `median_milliseconds` cover the week and are None without answered questions.
    """

    members: int
    members_active_week: int
    members_disabled: int
    members_by_plan: dict[str, int]
    accounts_connected: int
    channels: int
    posts: int
    posts_indexed: int
    questions_day: int
    questions_week: int
    questions_by_door_week: dict[str, int]
    abstained_share: float | None
    median_milliseconds: int | None
    tasks_open: int
    jobs_waiting: int
    jobs_held: int


async def of(db: AsyncSession, actor: Actor) -> Statistics:
    """Return the present statistics of the actor's group. Admins only."""
    actor.require(Role.admin)
    return Statistics(
        **await _people(db, actor),
        **await _reading(db, actor),
        **await _asking(db, actor),
        **await _work(db, actor),
    )


async def _people(db: AsyncSession, actor: Actor) -> dict[str, Any]:
    week = clock.now(db) - timedelta(days=7)
    query = (
        select(
            func.count(),
            func.count().filter(col(User.last_seen_at) >= week),
            func.count().filter(col(Membership.disabled)),
        )
        .select_from(Membership)
        .join(User, col(User.id) == col(Membership.user_id))
        .where(Membership.tenant_id == actor.tenant)
    )
    members, active, disabled = (await db.exec(query)).one()
    plans = (
        select(Membership.plan, func.count())
        .where(Membership.tenant_id == actor.tenant)
        .group_by(Membership.plan)
    )
    return {
        "members": members,
        "members_active_week": active,
        "members_disabled": disabled,
        "members_by_plan": dict((await db.exec(plans)).all()),
    }


async def _reading(db: AsyncSession, actor: Actor) -> dict[str, Any]:
    connected = Account.status == AccountStatus.connected
    live = col(Post.deleted_at).is_(None)
    return {
        "accounts_connected": await _count(db, actor, Account, connected),
        "channels": await _count(db, actor, Channel),
        "posts": await _count(db, actor, Post, live),
        "posts_indexed": await _count(db, actor, Post, live, Post.indexed_generation > 0),
    }


async def _asking(db: AsyncSession, actor: Actor) -> dict[str, Any]:
    now = clock.now(db)
    week = Question.tenant_id == actor.tenant, Question.created_at >= now - timedelta(days=7)
    quick = func.percentile_cont(0.5).within_group(col(Question.milliseconds))
    query = select(  # type: ignore[call-overload]
        func.count(),
        func.count().filter(col(Question.created_at) >= now - timedelta(days=1)),
        func.count().filter(col(Question.abstained).is_(True)),
        func.count().filter(col(Question.abstained).is_not(None)),
        quick,
    ).where(*week)
    asked, today, abstained, answered, median = (await db.exec(query)).one()
    doors = select(Question.door, func.count()).where(*week).group_by(Question.door)
    return {
        "questions_day": today,
        "questions_week": asked,
        "questions_by_door_week": dict((await db.exec(doors)).all()),
        "abstained_share": round(abstained / answered, 3) if answered else None,
        "median_milliseconds": round(median) if median is not None else None,
    }


async def _work(db: AsyncSession, actor: Actor) -> dict[str, Any]:
    counts = {"tasks_open": await _count(db, actor, AccountTask, col(AccountTask.done_at).is_(None))}
    for name in ("waiting", "held"):
        jobs = select(func.count()).select_from(job_table.of_tenant(actor.tenant, name).subquery())
        counts[f"jobs_{name}"] = (await db.exec(jobs)).one()
    return counts


async def _count(db: AsyncSession, actor: Actor, model: Any, *conditions: Any) -> int:
    query = select(func.count()).select_from(model).where(model.tenant_id == actor.tenant, *conditions)
    return (await db.exec(query)).one()


@dataclass(frozen=True)
class Backlog:
    """Open work of one group: channels with a backfill in progress, and posts not indexed yet."""

    channels: int
    posts: int


async def backlog(db: AsyncSession, tenant_id: UUID) -> Backlog:
    """Return a group's backlog; for the metrics, which sum up all groups."""
    unread = select(func.count()).where(
        Channel.tenant_id == tenant_id, col(Channel.backfill_done_at).is_(None)
    )
    unindexed = select(func.count()).where(
        Post.tenant_id == tenant_id, col(Post.indexed_generation) == 0, col(Post.deleted_at).is_(None)
    )
    return Backlog((await db.exec(unread)).one(), (await db.exec(unindexed)).one())
