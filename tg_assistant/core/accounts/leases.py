"""Leases: which ingest process owns an account or a login, by epoch and deadline on the database's clock.

Telegram destroys an auth key that is used from two places, so an owner stops before its lease ends and
every write it makes carries the epoch it was given.
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
_IDLE_SECONDS = 8  # under a lease, so that a successor never waits for the transaction of a stopped owner
Leased = type[Account] | type[Login]


class LeaseLost(Exception):
    """Another process owns this now (or may soon): stop at once and write nothing."""


async def _short(db: AsyncSession) -> None:
    """Have PostgreSQL end this transaction, with its row locks, should its process stop inside it."""
    limit = text("SELECT set_config('idle_in_transaction_session_timeout', :limit, true)")
    await run_text(db, limit, limit=f"{_IDLE_SECONDS}s")


def _until() -> Any:
    return func.clock_timestamp() + text(f"interval '{LEASE_SECONDS} seconds'")


class Trust(StrEnum):
    """How far the database's clock may be believed about deadlines others wrote."""

    none = "none"  # it has just been set, or may have been: only what its owner gave back is free
    usual = "usual"  # deadlines that have passed are over
    long = "long"  # it has run evenly for longer than a lease: a deadline further off than one is nobody's


def free(model: Leased, trust: Trust = Trust.long) -> ColumnElement[bool]:
    """Whether nobody owns a row: its lease was given back or has run out.

    A living owner renews long before; so a deadline that no lease can have now was written before the clock
    was set back, by an owner who has not renewed since.
    """
    until = col(model.lease_until)
    conditions: list[ColumnElement[bool]] = [until.is_(None)]
    if trust is not Trust.none:
        conditions.append(until < func.clock_timestamp())
    if trust is Trust.long:
        conditions.append(until > _until() + text(f"interval '{LEASE_SECONDS} seconds'"))
    return or_(*conditions)


async def clock(db: AsyncSession) -> datetime:
    """What the deadlines are held against, at this moment."""
    return (await db.exec(select(func.clock_timestamp()))).one()


async def take(
    db: AsyncSession, model: Leased, row_id: UUID, owner: str, *, trust: Trust = Trust.usual
) -> int | None:
    """Become the owner of a row whose lease has run out; the new epoch, or None when it is owned or busy.

    Locks the row FOR UPDATE, so it waits for (skips) every write made under the previous epoch.
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
    """Push the deadline out. Raises LeaseLost when the epoch has moved on.

    A deadline that has passed is pushed out, too: while the epoch stands nobody else has taken the row, and
    PostgreSQL's clock may have been set forward. The owner counts its own seconds (`ingest/lease.py`).
    """
    await _short(db)
    statement = update(model).where(*_held(model, row_id, epoch)).values(lease_until=_until())
    if (await db.exec(statement)).rowcount != 1:
        raise LeaseLost


async def check(db: AsyncSession, model: Leased, row_id: UUID, epoch: int) -> None:
    """Hold the epoch until this transaction ends: a successor cannot take the row before. Raises LeaseLost.

    FOR KEY SHARE lets renewals through and stops `take`.
    """
    await _short(db)
    query = select(model.id).where(*_held(model, row_id, epoch)).with_for_update(read=True, key_share=True)
    if (await db.exec(query)).first() is None:
        raise LeaseLost


async def release(db: AsyncSession, model: Leased, row_id: UUID, epoch: int) -> None:
    """Let the next owner take it at once; call only after the connection is closed."""
    statement = (
        update(model)
        .where(col(model.id) == row_id, col(model.lease_epoch) == epoch)
        .values(lease_owner=None, lease_until=None)
    )
    await db.exec(statement)


def _held(model: Leased, row_id: UUID, epoch: int) -> tuple[Any, ...]:
    return col(model.id) == row_id, col(model.lease_epoch) == epoch, col(model.lease_until).is_not(None)
