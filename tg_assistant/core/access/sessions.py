"""Our own sessions, started by a sign-in. Their secrets are returned once and stored as hashes."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import ColumnElement, delete, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, pagination
from tg_assistant.core.actor import Actor
from tg_assistant.core.pagination import Order, Page
from tg_assistant.errors import NotAllowed, NotFound, SignInNeeded
from tg_assistant.infra import clock
from tg_assistant.models import AppSession, Membership, RefreshToken, Role, User

LIFETIME = timedelta(days=30)
ADMIN_LIFETIME = timedelta(hours=12)  # of a session begun with an admin link
GRACE = timedelta(seconds=20)  # the previous token is accepted so long, for lost responses and second tabs
_AHEAD = timedelta(days=1)  # a clock may be ahead by this much without signing anybody out
_KEPT = timedelta(days=30)  # how long a session's row is stored after its end
_LEFT_BEHIND = timedelta(days=1)  # a Mini App session unused for this long counts as closed
_SEEN_EVERY = timedelta(hours=1)  # resolution of `last_seen_at` while a session is in use


_LAST_SEEN = Order[AppSession](
    col(AppSession.last_seen_at), col(AppSession.id), lambda row: (row.last_seen_at, row.id)
)


@dataclass(frozen=True)
class Started:
    """A session with its secrets in plain text. `resume_secret` is empty where none was made."""

    id: UUID
    user_id: UUID
    resume_secret: str
    refresh_token: str
    expires_at: datetime


@dataclass(frozen=True)
class MemberSession:
    """A session and the user it belongs to."""

    session: AppSession
    user: User


def digest(secret: str) -> bytes:
    """Return the SHA-256 of a secret; fast hashing is enough for 256-bit random secrets."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


async def start(db: AsyncSession, user_id: UUID, *, device: str, now: datetime, door: str = "app") -> Started:
    """Start a session that expires after 12 hours for `door` "admin", after 30 days for any other."""
    resume, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    row = AppSession(
        user_id=user_id,
        resume_hash=digest(resume),
        door=door,
        device=device[:200],
        expires_at=now + (ADMIN_LIFETIME if door == "admin" else LIFETIME),
    )
    if door == "app":
        await _end_left_behind(db, row, now)
    db.add(row)
    await db.flush()
    db.add(RefreshToken(hash=digest(refresh), session_id=row.id))
    await db.flush()
    return Started(row.id, user_id, resume, refresh, row.expires_at)


async def _end_left_behind(db: AsyncSession, new: AppSession, now: datetime) -> None:
    """End this person's sessions in the same browser that have not been used for a day.

    The Mini App signs in each time it is opened and does not report being closed. Clients open at the same
    time look alike, so a session in use is left alone. A script's User-Agent does not identify a device.
    """
    if not new.device.startswith("Mozilla/"):
        return
    statement = (
        update(AppSession)
        .where(col(AppSession.user_id) == new.user_id, col(AppSession.door) == new.door)
        .where(col(AppSession.device) == new.device, col(AppSession.revoked_at).is_(None))
        .where(col(AppSession.last_seen_at) < now - _LEFT_BEHIND)
        .values(revoked_at=now)
    )
    await db.exec(statement)


async def resume(db: AsyncSession, secret: str) -> AppSession:
    """Return the live session a resume secret belongs to. Raises SignInNeeded."""
    row = await _live(db, col(AppSession.resume_hash) == digest(secret))
    row.last_seen_at = clock.now(db)
    return row


async def live(db: AsyncSession, session_id: UUID) -> AppSession:
    """Return a live session. Raises SignInNeeded for one that is unknown, revoked or expired."""
    row = await _live(db, col(AppSession.id) == session_id)
    now = clock.now(db)
    if now - row.last_seen_at > _SEEN_EVERY:
        row.last_seen_at = now
    return row


async def _live(db: AsyncSession, condition: ColumnElement[bool]) -> AppSession:
    query = select(AppSession).where(
        condition,
        col(AppSession.revoked_at).is_(None),
        col(AppSession.expires_at) > func.now(),
        # a deadline further off than any session's lifetime was written while a clock was ahead
        col(AppSession.expires_at) < func.now() + LIFETIME + _AHEAD,
    )
    row = (await db.exec(query.execution_options(populate_existing=True))).first()
    if row is None:
        raise SignInNeeded("access.signed_out")
    return row


async def refresh(db: AsyncSession, token: str, *, now: datetime) -> Started:
    """Exchange a refresh token for its successor; `resume_secret` of the result is empty.

    A token that has been rotated returns the same successor again for 20 s. After that, or once the successor
    has been rotated too, its reuse ends the session. Raises SignInNeeded; the caller must commit even then,
    so that the session's end is stored.
    """
    query = (
        select(RefreshToken, AppSession)
        .join(AppSession, col(AppSession.id) == col(RefreshToken.session_id))
        .where(RefreshToken.hash == digest(token))
        .with_for_update()  # of two concurrent requests the second sees the first one's rotation
        .execution_options(populate_existing=True)
    )
    found = (await db.exec(query)).first()
    if found is None or found[1].revoked_at is not None or found[1].expires_at <= now:
        raise SignInNeeded("access.signed_out")
    brought, session = found
    if brought.rotated_at is None:
        successor = _rotate(db, brought, session, token, now)
    else:
        successor = await _same_successor(db, brought, token, now)
    if successor is None:
        session.revoked_at = now
        await audit.record(db, None, "session.reuse", session.id, user_id=session.user_id)
        raise SignInNeeded("access.signed_out")
    return Started(session.id, session.user_id, "", successor, session.expires_at)


def _rotate(db: AsyncSession, old: RefreshToken, session: AppSession, token: str, now: datetime) -> str:
    fresh = secrets.token_urlsafe(32)
    nonce = secrets.token_bytes(12)
    old.successor = nonce + AESGCM(_key(token)).encrypt(nonce, fresh.encode(), session.id.bytes)
    old.rotated_at = session.last_seen_at = now
    db.add(RefreshToken(hash=digest(fresh), session_id=session.id))
    return fresh


def _key(token: str) -> bytes:
    return hashlib.sha256(b"successor:" + token.encode()).digest()


async def _same_successor(db: AsyncSession, old: RefreshToken, token: str, now: datetime) -> str | None:
    """Return the successor of `old` within the grace period, while it has not been rotated itself."""
    # abs(): after a clock was set back `rotated_at` lies in the future and must not extend the grace period
    if old.successor is None or old.rotated_at is None or abs(now - old.rotated_at) > GRACE:
        return None
    try:
        sealed, whose = old.successor, old.session_id.bytes
        fresh = AESGCM(_key(token)).decrypt(sealed[:12], sealed[12:], whose).decode()
    except InvalidTag:
        return None
    newest = select(RefreshToken.hash).where(
        RefreshToken.hash == digest(fresh), col(RefreshToken.rotated_at).is_(None)
    )
    return fresh if (await db.exec(newest)).first() is not None else None


async def new_resume_secret(db: AsyncSession, session_id: UUID) -> str:
    """Return a new resume secret for a live session; the previous one stops working. Raises SignInNeeded.

    For a browser that has the refresh cookie but has lost its state: the admin panel after a reload.
    """
    secret = secrets.token_urlsafe(32)
    (await live(db, session_id)).resume_hash = digest(secret)
    return secret


async def list_(db: AsyncSession, actor: Actor) -> list[AppSession]:
    """Return the actor's live sessions, the most recently seen first."""
    return list((await db.exec(_own(actor).order_by(col(AppSession.last_seen_at).desc()))).all())


async def page(
    db: AsyncSession, actor: Actor, *, limit: int = pagination.MAX_PAGE, cursor: str | None = None
) -> Page[AppSession]:
    """Return one page of the sessions of `list_`. Raises Invalid for a cursor that was never issued."""
    return await pagination.page(db, _own(actor), _LAST_SEEN, limit=limit, cursor=cursor)


def _own(actor: Actor) -> Any:
    return (
        select(AppSession)
        .where(AppSession.user_id == actor.user_id, col(AppSession.revoked_at).is_(None))
        .where(col(AppSession.expires_at) > func.now())
    )


async def list_for_tenant(
    db: AsyncSession,
    actor: Actor,
    *,
    user_id: UUID | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[MemberSession]:
    """Return live sessions of the tenant's members, or of `user_id` alone, the most recently seen first.

    Raises NotAllowed for anyone below admin, and Invalid for a cursor that was never issued.
    """
    actor.require(Role.admin)
    query = (
        select(AppSession, User)
        .join(User, col(User.id) == col(AppSession.user_id))
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.tenant_id == actor.tenant, col(AppSession.revoked_at).is_(None))
        .where(col(AppSession.expires_at) > func.now())
    )
    if user_id is not None:
        query = query.where(AppSession.user_id == user_id)
    order = Order[Any](_LAST_SEEN.moment, _LAST_SEEN.key, lambda row: _LAST_SEEN.of(row[0]))
    found = await pagination.page(db, query, order, limit=limit, cursor=cursor)
    return Page([MemberSession(*row) for row in found.items], found.next_cursor)


async def end(db: AsyncSession, actor: Actor, session_id: UUID) -> None:
    """End one of the actor's own sessions. Raises NotFound for any other session."""
    if not await _revoke(db, session_id, actor.user_id):
        raise NotFound("sessions.not_found")
    await audit.record(db, actor, "session.end", session_id)


async def end_for_member(db: AsyncSession, actor: Actor, session_id: UUID) -> None:
    """End a session of a member of the admin's own tenant. Raises NotFound for any other session.

    Raises NotAllowed for anyone below admin, and for a session of a person with a higher role than the actor.
    """
    actor.require(Role.admin)
    query = (
        select(AppSession.user_id, Membership.role)
        .join(Membership, col(Membership.user_id) == col(AppSession.user_id))
        .where(AppSession.id == session_id, Membership.tenant_id == actor.tenant)
    )
    found = (await db.exec(query)).first()
    if found is None:
        raise NotFound("sessions.not_found")
    if actor.role is None or Role(found[1]).rank > actor.role.rank:
        raise NotAllowed("access.role")
    if not await _revoke(db, session_id, found[0]):
        raise NotFound("sessions.not_found")
    await audit.record(db, actor, "session.end", session_id, member=str(found[0]))


async def _revoke(db: AsyncSession, session_id: UUID, user_id: UUID) -> bool:
    statement = (
        update(AppSession)
        .where(col(AppSession.id) == session_id, col(AppSession.user_id) == user_id)
        .where(col(AppSession.revoked_at).is_(None))
        .values(revoked_at=func.now())
    )
    return (await db.exec(statement)).rowcount == 1


async def forget_old(db: AsyncSession) -> None:
    """Delete sessions that ended more than 30 days ago, with all their refresh tokens."""
    over = func.least(AppSession.expires_at, func.coalesce(AppSession.revoked_at, AppSession.expires_at))
    await db.exec(delete(AppSession).where(over < func.now() - _KEPT))
