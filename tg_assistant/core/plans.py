"""What each plan allows: the one table that limits, pages and documentation read."""

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
    posts_limit: int  # newest posts of history read of each channel; live ones come on top
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
    """The plan called `name`; a name no longer sold means the free one."""
    return PLANS.get(name, PLANS["free"])


def of_member(membership: Membership, now: datetime) -> Plan:
    """The plan that holds at `now`: after `plan_expires_at` it is the free one."""
    ends = membership.plan_expires_at
    return of("free" if ends is not None and ends <= now else membership.plan)


def name_of_member(now: datetime) -> ColumnElement[str]:
    """The same as SQL: the name of the plan that holds at `now`, of the statement's membership."""
    return case((col(Membership.plan_expires_at) <= now, "free"), else_=col(Membership.plan))


def deepest(names: Iterable[str] | None) -> int:
    """How many posts the best of these plans keeps of a channel; none of no plan."""
    return max((of(name).posts_limit for name in names or ()), default=0)
