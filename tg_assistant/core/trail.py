"""The audit trail as a group's admins read it; `audit` writes it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict, Unpack
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import pagination
from tg_assistant.core.access.sign_in import Actor, scoped
from tg_assistant.core.pagination import Order, Page
from tg_assistant.models import AuditEvent, Membership, Role, User


class Filter(TypedDict, total=False):
    """`action` is a whole action or its beginning: "member.change", "invite."."""

    action: str | None
    user_id: UUID | None
    since: datetime | None
    until: datetime | None


async def list_(
    db: AsyncSession, actor: Actor, *, limit: int = 50, cursor: str | None = None, **wanted: Unpack[Filter]
) -> Page[AuditEvent]:
    """What was done in the group, the newest first. Admins only."""
    actor.require(Role.admin)
    query = scoped(AuditEvent, actor)
    if action := wanted.get("action"):
        query = query.where(col(AuditEvent.action).startswith(action.replace("\x00", ""), autoescape=True))
    if user_id := wanted.get("user_id"):
        query = query.where(AuditEvent.user_id == user_id)
    if since := wanted.get("since"):
        query = query.where(AuditEvent.at >= since)
    if until := wanted.get("until"):
        query = query.where(AuditEvent.at < until)
    order = Order[AuditEvent](col(AuditEvent.at), col(AuditEvent.id), lambda line: (line.at, line.id))
    return await pagination.page(db, query, order, limit=limit, cursor=cursor)


async def names(db: AsyncSession, actor: Actor, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What today's members of the group among `ids` are called. Admins only."""
    actor.require(Role.admin)
    query = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.tenant_id == actor.tenant, col(User.id).in_({one for one in ids if one}))
    )
    found = (await db.exec(query)).all()
    return {user.id: f"{user.first_name} {user.last_name}".strip() or f"@{user.username}" for user in found}
