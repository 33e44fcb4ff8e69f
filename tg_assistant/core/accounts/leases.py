"""Leases: which ingest process owns an account or a login, by epoch and deadline on the database's clock.

Telegram destroys an auth key that is used from two places, so an owner stops before its lease ends, and
each of its writes is checked against the epoch it was given.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, text
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.infra.postgres.db import run_text
from tg_assistant.models import Account, Login

LEASE_SECONDS = 15
_IDLE_SECONDS = 8  # below LEASE_SECONDS, so that no successor waits for a stopped owner's transaction
Leased = type[Account] | type[Login]


class LeaseLost(Exception):
    """Another process owns the row now, or may soon: stop at once and write nothing."""


async def _short(db: AsyncSession) -> None:
    """Make PostgreSQL end this transaction and release its row locks if its process stops inside it."""
    limit = text("SELECT set_config('idle_in_transaction_session_timeout', :limit, true)")
    await run_text(db, limit, limit=f"{_IDLE_SECONDS}s")


def _until() -> Any:
    return func.clock_timestamp() + text(f"interval '{LEASE_SECONDS} seconds'")


class Trust(StrEnum):
    """How far the database's clock can be trusted about deadlines written by other processes."""

    none = "none"  # the clock has been set, or may have been: only released rows are free
    usual = "usual"  # leases whose deadline has passed are free, too
    long = "long"  # it has run evenly for longer than a lease: deadlines too far ahead are free, too


def free(model: Leased, trust: Trust = Trust.long) -> ColumnElement[bool]:
    """Return the SQL condition that a row has no owner: its lease was released or has expired.

    A live owner renews long before the deadline. A deadline more than two leases ahead was therefore written
    before the clock was set back, by an owner that has not renewed since.
    """
    until = col(model.lease_until)
    conditions: list[ColumnElement[bool]] = [until.is_(None)]
    if trust is not Trust.none:
        conditions.append(until < func.clock_timestamp())
    if trust is Trust.long:
        conditions.append(until > _until() + text(f"interval '{LEASE_SECONDS} seconds'"))
    return or_(*conditions)


async def clock(db: AsyncSession) -> datetime:
    """Return the present time of the clock that deadlines are compared with."""
    return (await db.exec(select(func.clock_timestamp()))).one()


async def take(
    db: AsyncSession, model: Leased, row_id: UUID, owner: str, *, trust: Trust = Trust.usual
) -> int | None:
    """Become the owner of a row without a live lease; return the new epoch, or None if it is owned or locked.

    Locks the row FOR UPDATE SKIP LOCKED, so it cannot succeed while the previous owner's transaction is open.
    """
    await _short(db)
    query = select(model).where(model.id == row_id, free(model, trust)).with_for_update(skip_locked=True)
    row = (await db.exec(query.execution_options(populate_existing=True))).first()
    if row is None:
        return None
    statement = (
        update(model)
        .where(col(model.id) == row_id)
        .values(lease_owner=owner, lease_epoch=model.lease_epoch + 1, lease_until=_until())
        .returning(col(model.lease_epoch))
    )
    return (await db.exec(statement)).scalar_one()


async def renew(db: AsyncSession, model: Leased, row_id: UUID, epoch: int) -> None:
    """Extend the deadline. Raises LeaseLost when the epoch has changed or the lease was released.

    A deadline in the past is extended, too: while the epoch is the same nobody else has taken the row, and
    PostgreSQL's clock may have been set forward. The owner counts its own seconds (`ingest/lease.py`).
    """
    await _short(db)
    statement = update(model).where(*_held(model, row_id, epoch)).values(lease_until=_until())
    if (await db.exec(statement)).rowcount != 1:
        raise LeaseLost


async def check(db: AsyncSession, model: Leased, row_id: UUID, epoch: int) -> None:
    """Lock the row so that no successor can take it before this transaction ends. Raises LeaseLost.

    FOR KEY SHARE permits renewals and blocks `take`.
    """
    await _short(db)
    query = select(model.id).where(*_held(model, row_id, epoch)).with_for_update(read=True, key_share=True)
    if (await db.exec(query)).first() is None:
        raise LeaseLost


async def release(db: AsyncSession, model: Leased, row_id: UUID, epoch: int) -> None:
    """Release the lease so that the next owner can take it at once; call after closing the connection."""
    statement = (
        update(model)
        .where(col(model.id) == row_id, col(model.lease_epoch) == epoch)
        .values(lease_owner=None, lease_until=None)
    )
    await db.exec(statement)


def _held(model: Leased, row_id: UUID, epoch: int) -> tuple[Any, ...]:
    return col(model.id) == row_id, col(model.lease_epoch) == epoch, col(model.lease_until).is_not(None)
