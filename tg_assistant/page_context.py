"""What a page's handlers begin with: for whom they act, and what they were given."""

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
    """One transaction for a page's handler, with the person it acts for."""
    session = await state.get_state(SessionState)
    async with current().db.transaction() as db:
        yield db, await session._actor(db)


async def count(state: rx.State, actor: Actor, rule: Rule) -> None:
    """One use by this person and this socket's address. Raises LimitReached, Unavailable.

    Reflex reads the address behind the configured number of proxies only.
    """
    address = rate_limits.key_of(str(state.router.session.client_ip)) or None
    await rate_limits.spend(current(), rule, user_id=actor.user_id, address=address)


@asynccontextmanager
async def administering(state: rx.State) -> AsyncGenerator[tuple[Session, Actor]]:
    """As `actor_transaction`, for a change in the admin panel; counted as over REST: by the person alone."""
    async with actor_transaction(state) as (db, actor):
        await rate_limits.spend(current(), Rule.admin, user_id=actor.user_id)
        yield db, actor


def parse_id(given: str, missing: str) -> UUID:
    """The id a page named. Raises NotFound with the code `missing` for what is none."""
    try:
        return UUID(given)
    except ValueError as error:
        raise NotFound(missing) from error


def is_live(state: rx.State, sid: str) -> bool:
    """Whether socket `sid` is open and still the one this state is shown on (background events ask)."""
    return is_open(sid) and state.router.session.session_id == sid
