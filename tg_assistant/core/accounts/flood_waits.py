"""FLOOD_WAITs per account and method, stored so that a restarted process does not call too early."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.models import MethodWait


async def left(db: AsyncSession, account_id: UUID) -> dict[str, float]:
    """Return the seconds still to wait, by method; methods without a wait are left out."""
    seconds = func.extract("epoch", col(MethodWait.not_before) - func.now())
    query = select(MethodWait.method, seconds).where(
        MethodWait.account_id == account_id, col(MethodWait.not_before) > func.now()
    )
    return {method: float(wait) for method, wait in (await db.exec(query)).all()}


async def keep(db: AsyncSession, account_id: UUID, method: str, seconds: float) -> None:
    """Store a wait of `seconds` from now; a stored one that ends later stays."""
    until = func.now() + timedelta(seconds=seconds)
    statement = insert(MethodWait).values(account_id=account_id, method=method, not_before=until)
    statement = statement.on_conflict_do_update(
        index_elements=["account_id", "method"],
        set_={"not_before": func.greatest(col(MethodWait.not_before), until)},
    )
    await db.exec(statement)
