"""FLOOD_WAITs per account and method, stored so that no process calls too early: not after a restart or a
take-over, and not with another session of the same Telegram account.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.models import Account, MethodWait


async def left(db: AsyncSession, telegram_id: int) -> dict[str, float]:
    """Return the seconds still to wait, by method; methods without a wait are left out.

    Those of the Telegram account, whichever tenant linked it, if the transaction has no tenant.
    """
    seconds = func.extract("epoch", func.max(col(MethodWait.not_before)) - func.now())
    query = (
        select(MethodWait.method, seconds)
        .join(Account, col(Account.id) == col(MethodWait.account_id))
        .where(Account.telegram_id == telegram_id, col(MethodWait.not_before) > func.now())
        .group_by(col(MethodWait.method))
    )
    return {method: float(wait) for method, wait in (await db.exec(query)).all()}


async def keep(db: AsyncSession, account_id: UUID, method: str, seconds: float) -> None:
    """Store a wait of `seconds` from now; a stored one that ends later stays. Those that are over go."""
    mine = col(MethodWait.account_id) == account_id
    await db.exec(delete(MethodWait).where(mine, col(MethodWait.not_before) < func.now()))
    until = func.now() + timedelta(seconds=seconds)
    tenant_id = select(Account.tenant_id).where(Account.id == account_id).scalar_subquery()
    statement = insert(MethodWait).values(
        account_id=account_id, tenant_id=tenant_id, method=method, not_before=until
    )
    statement = statement.on_conflict_do_update(
        index_elements=["account_id", "method"],
        set_={"not_before": func.greatest(col(MethodWait.not_before), until)},
    )
    await db.exec(statement)
