"""Rate limits per person and per address for actions that an attacker gains from repeating.

The plans' limits (channels, questions a day) are enforced elsewhere, by counting in PostgreSQL.
"""

import ipaddress
from enum import StrEnum
from uuid import UUID

from tg_assistant.errors import LimitReached
from tg_assistant.infra import metrics
from tg_assistant.infra.limits import RateLimitStatus
from tg_assistant.infra.runtime import Runtime


class Rule(StrEnum):
    """What is counted; the rates come from the RATE_LIMIT_* settings."""

    sign_in = "sign_in"
    refresh = "refresh"
    qr_start = "qr_start"
    qr_status = "qr_status"
    invites = "invites"
    admin = "admin"
    graphql = "graphql"
    search = "search"
    export = "export"
    feeds = "feeds"


def key_of(address: str) -> str:
    """Return the key an address is counted under: an IPv6 /64 network counts as one client.

    Text that is no IP address is returned unchanged.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


async def count(
    rt: Runtime, rule: Rule, *, user_id: UUID | None = None, address: str | None = None
) -> list[RateLimitStatus]:
    """Count one use for each key given and return their statuses, without raising LimitReached.

    Counting stops at the first key over its rate. Raises Unavailable.
    """
    keys = [f"user:{user_id}"] if user_id is not None else []
    if address is not None:
        keys.append(f"address:{address}")
    standings: list[RateLimitStatus] = []
    for key in keys:
        standings.append(await rt.limits.hit(rule.value, key))
        if not standings[-1].allowed:
            break  # the request will be refused, so the other key is not charged for it
    return standings


def check(standings: list[RateLimitStatus]) -> None:
    """Raise LimitReached for the first status that is over its rate."""
    for standing in standings:
        if not standing.allowed:
            metrics.rate_limit_exceeded_total.labels(standing.rule).inc()
            policy = (standing.rule, standing.limit, standing.window)
            raise LimitReached("limits.reached", policy=policy, retry_after=standing.reset)


async def spend(rt: Runtime, rule: Rule, *, user_id: UUID | None = None, address: str | None = None) -> None:
    """Count one use. Raises LimitReached when it exceeds the rate, and Unavailable."""
    check(await count(rt, rule, user_id=user_id, address=address))
