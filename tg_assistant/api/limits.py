"""Rate limits at the HTTP door: the keys that are counted, and the headers that report them.

Header fields: draft-ietf-httpapi-ratelimit-headers-10 (`RateLimit-Policy`, `RateLimit`).
"""

import ipaddress
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection

from tg_assistant.api.deps import Call, Rt
from tg_assistant.core.access import rate_limits
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.errors import NotAllowed, SignInNeeded, Unavailable
from tg_assistant.infra.limits import RateLimitStatus


def by_address(rule: Rule, *, goes_on: bool = False) -> Any:
    """A dependency that limits requests per client address.

    With `goes_on`, requests pass uncounted while Redis is away; otherwise they raise Unavailable.
    """

    async def limited(rt: Rt, request: Request) -> None:
        with _uncounted(goes_on):
            await _spend(request, rate_limits.count(rt, rule, address=limited_address(rt, request)))

    return Depends(limited)


def by_user(rule: Rule, *, goes_on: bool = False) -> Any:
    """A dependency that limits requests per person; `goes_on` as in `by_address`."""

    async def limited(rt: Rt, request: Request, call: Call) -> None:
        with _uncounted(goes_on):
            await _spend_own(rt, request, rule, call)

    return Depends(limited)


def by_user_of_others(rule: Rule) -> Any:
    """A dependency that limits requests per person about others, given by `telegram_id` in the path."""

    async def limited(rt: Rt, request: Request, call: Call) -> None:
        if request.path_params["telegram_id"] != str((await call.actor()).telegram_id):
            await _spend_own(rt, request, rule, call)

    return Depends(limited)


async def _spend_own(rt: Rt, request: Request, rule: Rule, call: Call) -> None:
    who = await _who(rt, request, call)
    address = None if who else limited_address(rt, request)
    await _spend(request, rate_limits.count(rt, rule, user_id=who, address=address))


def by_user_and_address(rule: Rule) -> Any:
    """A dependency that limits requests per person, and per address for all people behind it."""

    async def limited(rt: Rt, request: Request, call: Call) -> None:
        await spend(rt, request, rule, call)

    return Depends(limited)


async def spend(rt: Rt, request: Request, rule: Rule, call: Call) -> None:
    """Count one use by this person and by their address, for a route that counts only some requests.

    Raises SignInNeeded, LimitReached, Unavailable.
    """
    user_id = await _who(rt, request, call)
    address = limited_address(rt, request)
    await _spend(request, rate_limits.count(rt, rule, user_id=user_id, address=address))


async def _who(rt: Rt, request: Request, call: Call) -> UUID | None:
    """The user the request counts against; None when the token's session has ended.

    A stale token may be in another's hands; the route itself refuses it. Raises SignInNeeded for an invalid
    token.
    """
    claims = call.claims()
    try:
        await call.actor()
    except SignInNeeded:
        return None
    except NotAllowed:
        return claims.user_id
    return claims.user_id


@contextmanager
def _uncounted(goes_on: bool) -> Generator[None]:
    try:
        yield
    except Unavailable:
        if not goes_on:
            raise


async def _spend(request: Request, counting: Awaitable[list[RateLimitStatus]]) -> None:
    standings = await counting
    request.state.standings = [*getattr(request.state, "standings", []), *standings]
    rate_limits.check(standings)


def add_headers(request: Request, headers: MutableHeaders) -> None:
    """Add `RateLimit-Policy` and `RateLimit` for this request's counts, on success and on refusal."""
    standings: list[RateLimitStatus] = getattr(request.state, "standings", [])
    if standings:
        # a refusal has already named the limit that was reached
        headers.setdefault("RateLimit-Policy", _list(standings, lambda s: f"q={s.limit};w={s.window}"))
        headers.setdefault("RateLimit", _list(standings, lambda s: f"r={s.remaining};t={s.reset}"))


def _list(standings: list[RateLimitStatus], values: Callable[[RateLimitStatus], str]) -> str:
    # two keys of one rule are two policies; the client needs the tighter one
    tightest = min(standings, key=lambda s: (s.allowed, s.remaining))
    return f'"{tightest.rule}";{values(tightest)}'


def client_address(request: HTTPConnection, hops: int) -> str:
    """The client's address, as seen by the outermost of `hops` trusted proxies; the peer's when `hops` is 0.

    Each proxy appends the address it sees to X-Forwarded-For, so the last `hops` entries are our proxies'.
    Earlier entries are written by the client and never trusted. Too few entries, or a value that is no IP
    address, give the peer's address.
    """
    peer = request.client.host if request.client else ""
    if not hops:
        return peer
    seen = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    if len(seen) < hops:
        return peer
    try:
        ipaddress.ip_address(seen[-hops])
    except ValueError:
        return peer
    return seen[-hops]


def limited_address(rt: Rt, request: Request) -> str:
    """The key under which the request's address is counted."""
    return rate_limits.key_of(client_address(request, rt.settings.web.trusted_proxy_hops))
