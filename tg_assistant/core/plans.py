"""What each plan allows: the single table that limits, pages and documentation use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case
from sqlmodel import col

from tg_assistant.models import Membership


@dataclass(frozen=True)
class Plan:
    name: str
    channels_limit: int  # channels a person may follow
    posts_limit: int  # newest posts of each channel's history that are read; live posts are not limited
    questions_per_day: int


PLANS = {
    plan.name: plan
    for plan in (
        Plan("free", channels_limit=30, posts_limit=10_000, questions_per_day=100),
        Plan("plus", channels_limit=100, posts_limit=50_000, questions_per_day=500),
        Plan("unlimited", channels_limit=1_000, posts_limit=1_000_000, questions_per_day=10_000),
    )
}


def of(name: str) -> Plan:
    """Return the plan with this name, or the free plan for an unknown or discontinued name."""
    return PLANS.get(name, PLANS["free"])


def of_member(membership: Membership, now: datetime) -> Plan:
    """Return the plan in force at `now`: from `plan_expires_at` on it is the free plan."""
    ends = membership.plan_expires_at
    return of("free" if ends is not None and ends <= now else membership.plan)


def name_of_member(now: datetime) -> ColumnElement[str]:
    """Return the SQL expression for the name of the plan in force at `now` of the statement's membership."""
    return case((col(Membership.plan_expires_at) <= now, "free"), else_=col(Membership.plan))


def deepest(names: Iterable[str] | None) -> int:
    """Return the largest `posts_limit` of these plans, 0 without plans."""
    return max((of(name).posts_limit for name in names or ()), default=0)
