"""Rate limits at the HTTP door: who is counted, and what the answer says about it.

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
    """A dependency: so many requests a client address. What `goes_on` is uncounted without Redis."""

    async def limited(rt: Rt, request: Request) -> None:
        with _uncounted(goes_on):
            await _spend(request, rate_limits.count(rt, rule, address=limited_address(rt, request)))

    return Depends(limited)


def by_user(rule: Rule, *, goes_on: bool = False) -> Any:
    """A dependency: so many requests a person. What `goes_on` is let through uncounted without Redis."""

    async def limited(rt: Rt, request: Request, call: Call) -> None:
        with _uncounted(goes_on):
            await _spend_own(rt, request, rule, call)

    return Depends(limited)


def by_user_of_others(rule: Rule) -> Any:
    """A dependency: so many requests a person about anybody but themselves, `telegram_id` in the path."""

    async def limited(rt: Rt, request: Request, call: Call) -> None:
        if request.path_params["telegram_id"] != str((await call.actor()).telegram_id):
            await _spend_own(rt, request, rule, call)

    return Depends(limited)


async def _spend_own(rt: Rt, request: Request, rule: Rule, call: Call) -> None:
    who = await _who(rt, request, call)
    address = None if who else limited_address(rt, request)
    await _spend(request, rate_limits.count(rt, rule, user_id=who, address=address))


def by_user_and_address(rule: Rule) -> Any:
    """A dependency: so many requests a person, and so many an address whoever sits behind it."""

    async def limited(rt: Rt, request: Request, call: Call) -> None:
        await spend(rt, request, rule, call)

    return Depends(limited)


async def spend(rt: Rt, request: Request, rule: Rule, call: Call) -> None:
    """For a route that counts only with some bodies: one use by this person and by their address.

    Raises SignInNeeded, LimitReached, Unavailable.
    """
    user_id = await _who(rt, request, call)
    address = limited_address(rt, request)
    await _spend(request, rate_limits.count(rt, rule, user_id=user_id, address=address))


async def _who(rt: Rt, request: Request, call: Call) -> UUID | None:
    """Whom the request counts against; nobody where the token's session is over, whoever holds it now.

    The route itself refuses those. Raises SignInNeeded for what is no token of ours.
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
    """What was counted for this request, on success and on refusal alike."""
    standings: list[RateLimitStatus] = getattr(request.state, "standings", [])
    if standings:
        # a refusal has said already which one it was
        headers.setdefault("RateLimit-Policy", _list(standings, lambda s: f"q={s.limit};w={s.window}"))
        headers.setdefault("RateLimit", _list(standings, lambda s: f"r={s.remaining};t={s.reset}"))


def _list(standings: list[RateLimitStatus], values: Callable[[RateLimitStatus], str]) -> str:
    # two keys of one rule are two policies; the tightest is what the client has to know
    tightest = min(standings, key=lambda s: (s.allowed, s.remaining))
    return f'"{tightest.rule}";{values(tightest)}'


def client_address(request: HTTPConnection, hops: int) -> str:
    """The address `hops` trusted proxies away from us; what a client itself writes is never believed.

    Each proxy appends the address it sees to X-Forwarded-For, so ours are the last `hops` entries.
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
    """The key the request's address is counted under."""
    return rate_limits.key_of(client_address(request, rt.settings.web.trusted_proxy_hops))
