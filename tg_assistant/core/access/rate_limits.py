"""Rate limits: how often a person, or an address, may try what is worth trying often to an attacker.

Plans' limits (channels, questions a day) are not here: they are counted in PostgreSQL where the rule is.
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


def key_of(address: str) -> str:
    """The key an address is counted under: an IPv6 network of /64 is one client."""
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
    """One use by each key given; says how they stand and refuses nothing. Raises Unavailable."""
    keys = [f"user:{user_id}"] if user_id is not None else []
    if address is not None:
        keys.append(f"address:{address}")
    standings: list[RateLimitStatus] = []
    for key in keys:
        standings.append(await rt.limits.hit(rule.value, key))
        if not standings[-1].allowed:
            break  # one refusal is enough: the other key is not charged for it
    return standings


def check(standings: list[RateLimitStatus]) -> None:
    """Raises LimitReached where one of them is over its rate."""
    for standing in standings:
        if not standing.allowed:
            metrics.rate_limit_exceeded_total.labels(standing.rule).inc()
            policy = (standing.rule, standing.limit, standing.window)
            raise LimitReached("limits.reached", policy=policy, retry_after=standing.reset)


async def spend(rt: Runtime, rule: Rule, *, user_id: UUID | None = None, address: str | None = None) -> None:
    """Count one use and refuse it when there were too many. Raises LimitReached, Unavailable."""
    check(await count(rt, rule, user_id=user_id, address=address))
