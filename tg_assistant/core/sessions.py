"""Sessions of our own: what a sign-in leaves behind. Secrets are shown once and stored hashed."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.errors import NotFound, SignInNeeded
from tg_assistant.models import AppSession

if TYPE_CHECKING:
    from tg_assistant.core.access import Actor

LIFETIME = timedelta(days=30)
GRACE = timedelta(seconds=20)  # a lost answer or a second tab may bring the previous token within this time


@dataclass(frozen=True)
class Started:
    id: UUID
    user_id: UUID
    resume_secret: str
    refresh_token: str


def digest(secret: str) -> bytes:
    """SHA-256: enough for 256-bit random secrets, which no dictionary holds."""
    return hashlib.sha256(secret.encode()).digest()


async def start(db: AsyncSession, user_id: UUID, *, device: str, now: datetime) -> Started:
    resume, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    row = AppSession(
        user_id=user_id,
        resume_hash=digest(resume),
        refresh_hash=digest(refresh),
        device=device[:200],
        expires_at=now + LIFETIME,
    )
    db.add(row)
    await db.flush()
    return Started(row.id, user_id, resume, refresh)


async def resume(db: AsyncSession, secret: str) -> AppSession:
    """The live session this secret belongs to. Raises SignInNeeded."""
    row = await _live(db, col(AppSession.resume_hash) == digest(secret))
    row.last_seen_at = datetime.now(UTC)
    return row


async def live(db: AsyncSession, session_id: UUID) -> AppSession:
    """The session while it lives. Raises SignInNeeded once it is ended or expired."""
    return await _live(db, col(AppSession.id) == session_id)


async def _live(db: AsyncSession, condition: object) -> AppSession:
    query = select(AppSession).where(
        condition,  # type: ignore[arg-type]
        col(AppSession.revoked_at).is_(None),
        col(AppSession.expires_at) > func.now(),
    )
    row = (await db.exec(query)).first()
    if row is None:
        raise SignInNeeded("access.signed_out")
    return row


async def refresh(db: AsyncSession, token: str, *, now: datetime) -> Started:
    """Rotate. The previous token gets the same successor for 20 s; any later reuse ends the session.

    Raises SignInNeeded. The caller commits even then: the ending must stand.
    """
    given = digest(token)
    matches = (col(AppSession.refresh_hash) == given) | (col(AppSession.previous_refresh_hash) == given)
    row = (await db.exec(select(AppSession).where(matches).with_for_update())).first()
    if row is None or row.revoked_at is not None or row.expires_at <= now:
        raise SignInNeeded("access.signed_out")
    if row.refresh_hash == given:
        return _rotate(row, token, now)
    successor = _successor(row, token, now)
    if successor is None:
        row.revoked_at = now
        await audit.record(db, None, "session.reuse", row.id, user_id=row.user_id)
        await db.commit()
        raise SignInNeeded("access.signed_out")
    return Started(row.id, row.user_id, "", successor)


def _rotate(row: AppSession, token: str, now: datetime) -> Started:
    fresh = secrets.token_urlsafe(32)
    nonce = secrets.token_bytes(12)
    row.previous_refresh_hash, row.refresh_hash = row.refresh_hash, digest(fresh)
    row.successor = nonce + AESGCM(_key(token)).encrypt(nonce, fresh.encode(), row.id.bytes)
    row.rotated_at = row.last_seen_at = now
    return Started(row.id, row.user_id, "", fresh)


def _key(token: str) -> bytes:
    return hashlib.sha256(b"successor:" + token.encode()).digest()


def _successor(row: AppSession, token: str, now: datetime) -> str | None:
    if row.successor is None or row.rotated_at is None or now - row.rotated_at > GRACE:
        return None
    try:
        return AESGCM(_key(token)).decrypt(row.successor[:12], row.successor[12:], row.id.bytes).decode()
    except InvalidTag:
        return None


async def list_(db: AsyncSession, actor: "Actor") -> list[AppSession]:
    """The actor's live sessions, the newest first."""
    query = (
        select(AppSession)
        .where(AppSession.user_id == actor.user_id, col(AppSession.revoked_at).is_(None))
        .where(col(AppSession.expires_at) > func.now())
        .order_by(col(AppSession.last_seen_at).desc())
    )
    return list((await db.exec(query)).all())


async def end(db: AsyncSession, actor: "Actor", session_id: UUID) -> None:
    """End one of the actor's own sessions. Raises NotFound for another's."""
    statement = (
        update(AppSession)
        .where(col(AppSession.id) == session_id, col(AppSession.user_id) == actor.user_id)
        .where(col(AppSession.revoked_at).is_(None))
        .values(revoked_at=func.now())
    )
    result = await db.exec(statement)  # type: ignore[call-overload]
    if result.rowcount != 1:
        raise NotFound("sessions.not_found")
    await audit.record(db, actor, "session.end", session_id)
