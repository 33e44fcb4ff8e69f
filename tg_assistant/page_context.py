"""What page handlers start with: the actor, a transaction, rate limits, and checks of their arguments."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import reflex as rx

from tg_assistant.core.access import rate_limits
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.actor import Actor
from tg_assistant.errors import NotFound
from tg_assistant.infra.postgres.db import Session
from tg_assistant.state import SessionState, is_open
from tg_assistant.web.process import current


@asynccontextmanager
async def actor_transaction(state: rx.State) -> AsyncGenerator[tuple[Session, Actor]]:
    """Yield a transaction for a page's handler and the person it acts for; commit on exit.

    Raises SignInNeeded, NotAllowed.
    """
    session = await state.get_state(SessionState)
    async with current().db.transaction() as db:
        yield db, await session._actor(db)


async def count(state: rx.State, actor: Actor, rule: Rule) -> None:
    """Count one use by this person and this socket's address. Raises LimitReached, Unavailable.

    Reflex determines the address behind the configured number of proxies.
    """
    address = rate_limits.key_of(str(state.router.session.client_ip)) or None
    await rate_limits.spend(current(), rule, user_id=actor.user_id, address=address)


@asynccontextmanager
async def administering(state: rx.State) -> AsyncGenerator[tuple[Session, Actor]]:
    """Like `actor_transaction`, for a change in the admin panel; rate-limited per person, as over REST.

    Raises LimitReached and Unavailable in addition.
    """
    async with actor_transaction(state) as (db, actor):
        await rate_limits.spend(current(), Rule.admin, user_id=actor.user_id)
        yield db, actor


def parse_id(given: str, missing: str) -> UUID:
    """The id that a page has sent. Raises NotFound with the code `missing` if it is not a UUID."""
    try:
        return UUID(given)
    except ValueError as error:
        raise NotFound(missing) from error


def is_live(state: rx.State, sid: str) -> bool:
    """Whether socket `sid` is open and still the one that shows this state; for background events."""
    return is_open(sid) and state.router.session.session_id == sid
