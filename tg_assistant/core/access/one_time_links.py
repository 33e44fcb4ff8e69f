"""One-time links the bot sends: each identifies its bearer once, for one purpose, within ten minutes.

Opening a link does not spend it, because Telegram fetches links to preview them.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.access import sessions, sign_in
from tg_assistant.core.actor import Actor
from tg_assistant.errors import InviteSpent, NotFound
from tg_assistant.models import OneTimeLink, Role

LIFE = timedelta(minutes=10)
_AHEAD = timedelta(minutes=1)  # a reader's transaction may have begun this much before the link was made
_FORGOTTEN = timedelta(days=1)


class Purpose(StrEnum):
    """The one purpose a link can be spent on."""

    admin = "admin"  # signing in to the admin panel in a browser


_NEEDS = {Purpose.admin: Role.admin}


@dataclass(frozen=True)
class LinkView:
    """What is shown about a link before it is spent: its owner's name and language."""

    who: str
    language: str
    spent: bool


async def make(db: AsyncSession, actor: Actor, purpose: Purpose) -> str:
    """Return the token of a new link; only its hash is stored. Earlier unspent links stop working.

    Raises NotAllowed when the actor lacks the role that the purpose requires.
    """
    actor.require(_NEEDS[purpose])
    mine = (col(OneTimeLink.user_id) == actor.user_id, col(OneTimeLink.purpose) == purpose.value)
    await db.exec(delete(OneTimeLink).where(*mine, col(OneTimeLink.spent_at).is_(None)))
    token = secrets.token_urlsafe(32)
    now: datetime = (await db.exec(select(func.now()))).one()
    link = OneTimeLink(
        hash=sessions.digest(token), purpose=purpose.value, user_id=actor.user_id, expires_at=now + LIFE
    )
    db.add(link)
    await audit.record(db, actor, "link.make", purpose.value)
    await db.flush()
    return token


async def look(db: AsyncSession, token: str, purpose: Purpose) -> LinkView:
    """Return whose link it is, without spending it.

    Raises NotFound for an unknown or expired link, and when its owner no longer has the required role.
    """
    link = await _live(db, token, purpose)
    whose = await _owner(db, link.user_id, purpose)
    return LinkView(whose.name, whose.language, spent=link.spent_at is not None)


async def spend(db: AsyncSession, token: str, purpose: Purpose) -> Actor:
    """Spend the link and return its owner as an actor.

    Raises NotFound as `look` does, and InviteSpent if already spent: of concurrent calls one succeeds.
    """
    link = await _live(db, token, purpose)
    statement = (
        update(OneTimeLink)
        .where(col(OneTimeLink.hash) == link.hash, col(OneTimeLink.spent_at).is_(None))
        .values(spent_at=func.now())
    )
    if (await db.exec(statement)).rowcount != 1:
        raise InviteSpent("links.spent")
    whose = await _owner(db, link.user_id, purpose)
    await audit.record(db, whose, "link.spend", purpose.value)
    return whose


async def forget_old(db: AsyncSession) -> None:
    """Delete links that expired more than a day ago."""
    old = col(OneTimeLink.expires_at) < func.now() - _FORGOTTEN
    await db.exec(delete(OneTimeLink).where(old))


async def _live(db: AsyncSession, token: str, purpose: Purpose) -> OneTimeLink:
    query = select(OneTimeLink).where(
        OneTimeLink.hash == sessions.digest(token),
        OneTimeLink.purpose == purpose.value,
        col(OneTimeLink.expires_at) > func.now(),
        # a deadline further off than any link's lifetime means PostgreSQL's clock has been set back since
        col(OneTimeLink.expires_at) < func.now() + LIFE + _AHEAD,
    )
    link = (await db.exec(query)).first()
    if link is None:
        raise NotFound("links.unknown")
    return link


async def _owner(db: AsyncSession, user_id: UUID, purpose: Purpose) -> Actor:
    """Return the person with their current rights, so a former admin's link no longer works."""
    whose = await sign_in.actor(db, user_id, door=purpose.value)
    if whose.role is None or whose.role.rank < _NEEDS[purpose].rank:
        raise NotFound("links.unknown")
    return whose
