"""Rotation of the keys that sealed sessions are wrapped with: requested by the operator, done by ingest.

An envelope names its key, so counting needs no key; only ingest can re-wrap. The envelopes themselves are the
record of progress, so an interrupted rotation resumes where it stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import delete, func, text
from sqlalchemy.orm import undefer_group
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.accounts import accounts, login_steps
from tg_assistant.core.names import Topic
from tg_assistant.infra.crypto import Keyring, KeyUnknown, SealBroken
from tg_assistant.infra.postgres.db import run_text, transaction_time
from tg_assistant.infra.postgres.events import notify
from tg_assistant.models import Account, KeyRotation, Login
from tg_assistant.models.base import SECRETS

log = structlog.get_logger()
BATCH = 50  # envelopes per transaction
Sealed = type[Account] | type[Login]
_COUNT = text("""
SELECT convert_from(substring(envelope FROM 3 FOR get_byte(envelope, 1)), 'UTF8') AS key_id,
    count(*) FILTER (WHERE account), count(*) FILTER (WHERE NOT account)
FROM (
    SELECT sealed_session AS envelope, true AS account FROM accounts
    UNION ALL SELECT pending_session, false FROM logins
) AS sealed WHERE envelope IS NOT NULL GROUP BY key_id ORDER BY key_id
""")


@dataclass(frozen=True)
class Use:
    """How many accounts' sessions and unfinished logins' auth keys are wrapped with one key."""

    key_id: str
    sessions: int
    logins: int


@dataclass
class Batch:
    """What one transaction did. The next one continues after the row id `last`; None at the end."""

    last: UUID | None = None
    rewrapped: int = 0
    broken: int = 0
    unknown: dict[str, int] = field(default_factory=dict)


async def uses(db: AsyncSession) -> list[Use]:
    """Return the usage of every key id that an envelope names. Needs no key; for the operator."""
    return [Use(*row) for row in await run_text(db, _COUNT)]


async def request(db: AsyncSession) -> KeyRotation:
    """Ask ingest to re-wrap every envelope with its newest key; return the rotation, an open one if any."""
    found = await waiting(db)
    if found is None:
        found = KeyRotation()
        db.add(found)
        await db.flush()
        await audit.record(db, None, "keys.rotate", found.id)
    await notify(db, Topic.keys)
    return found


async def waiting(db: AsyncSession) -> KeyRotation | None:
    """Return the oldest rotation that is not done, or None."""
    query = select(KeyRotation).where(col(KeyRotation.done_at).is_(None))
    return (await db.exec(query.order_by(col(KeyRotation.requested_at)).limit(1))).first()


async def read(db: AsyncSession, rotation_id: UUID) -> KeyRotation:
    """Return the rotation re-read from the database. Raises NoResultFound for an unknown id."""
    return await db.get_one(KeyRotation, rotation_id, populate_existing=True)


async def begin(db: AsyncSession, rotation_id: UUID, keyring: Keyring) -> None:
    """Store the keyring's key ids and reset the failure counts, which a restarted rotation counts again."""
    rotation = await db.get_one(KeyRotation, rotation_id, with_for_update=True)
    rotation.keys, rotation.unknown, rotation.broken = keyring.ids, {}, 0
    db.add(rotation)


async def rewrap(
    db: AsyncSession, rotation_id: UUID, keyring: Keyring, model: Sealed, tenant_id: UUID, after: UUID | None
) -> Batch:
    """Re-wrap the next BATCH envelopes of a tenant with the newest key, in the order of their row ids.

    Waits for rows that another transaction has locked, but not for the lease holder's FOR KEY SHARE.
    """
    batch = Batch()
    for row in await _next(db, keyring, model, tenant_id, after):
        batch.last = row.id
        try:
            if isinstance(row, Account):
                row.sealed_session = keyring.rewrap(row.sealed_session or b"", accounts.binding(row))
            else:
                envelope = row.pending_session or b""
                row.pending_session = keyring.rewrap(envelope, await login_steps.binding(db, row))
            batch.rewrapped += 1
            db.add(row)
        except KeyUnknown as missing:
            batch.unknown[missing.key_id] = batch.unknown.get(missing.key_id, 0) + 1
        except SealBroken:
            batch.broken += 1
            log.warning("keys.broken_envelope", table=model.__tablename__, row=str(row.id))
    await _count(db, rotation_id, batch)
    return batch


async def finish(db: AsyncSession, rotation_id: UUID, error: str | None = None) -> None:
    """Mark the rotation as done, or as failed with `error`, a sentence for the operator."""
    rotation = await db.get_one(KeyRotation, rotation_id, with_for_update=True, populate_existing=True)
    if rotation.done_at is None:
        rotation.done_at, rotation.error = transaction_time(), error
        db.add(rotation)
        detail = {"rewrapped": rotation.rewrapped, "keys": rotation.keys, "error": error}
        await audit.record(db, None, "keys.rotated", rotation_id, **detail)
        await notify(db, Topic.keys)


async def forget_old(db: AsyncSession, before: datetime) -> None:
    """Delete rotations done before `before`; the audit trail retains the request and its result."""
    await db.exec(delete(KeyRotation).where(col(KeyRotation.done_at) < before))


async def _next(
    db: AsyncSession, keyring: Keyring, model: Sealed, tenant_id: UUID, after: UUID | None
) -> Sequence[Account | Login]:
    sealed = col(Account.sealed_session) if model is Account else col(Login.pending_session)
    newest = keyring.header
    query = (
        select(model)
        .where(
            model.tenant_id == tenant_id,
            sealed.is_not(None),
            func.substring(sealed, 1, len(newest)) != newest,
        )
        .order_by(col(model.id))
        .limit(BATCH)
        .options(undefer_group(SECRETS))
        .with_for_update(key_share=True)
    )
    if after is not None:
        query = query.where(col(model.id) > after)
    return (await db.exec(query.execution_options(populate_existing=True))).all()


async def _count(db: AsyncSession, rotation_id: UUID, batch: Batch) -> None:
    rotation = await db.get_one(KeyRotation, rotation_id, with_for_update=True, populate_existing=True)
    rotation.rewrapped += batch.rewrapped
    rotation.broken += batch.broken
    both = set(rotation.unknown) | set(batch.unknown)
    rotation.unknown = {id_: rotation.unknown.get(id_, 0) + batch.unknown.get(id_, 0) for id_ in both}
    db.add(rotation)
