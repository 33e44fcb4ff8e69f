"""The audit trail: an event for each change of rights, sessions or data, never with a secret."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict, Unpack
from uuid import UUID

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import pagination
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.pagination import Order, Page
from tg_assistant.infra import metrics
from tg_assistant.infra.postgres.db import set_user
from tg_assistant.models import AuditEvent, Membership, Role, User

log = structlog.get_logger()


async def record(
    db: AsyncSession, actor: Actor | None, action: str, subject: object = "", **detail: Any
) -> None:
    """Add an event to the trail and the log. `action` is "noun.verb".

    With `actor` None (the system or the command line) `detail` may have `tenant_id` and `user_id`.
    """
    tenant_id = actor.tenant_id if actor else detail.pop("tenant_id", None)
    user_id = actor.user_id if actor else detail.pop("user_id", None)
    line = AuditEvent(
        tenant_id=tenant_id, user_id=user_id, action=action, subject=str(subject), detail=detail
    )
    if tenant_id is None:
        await set_user(db, user_id)  # an event without a tenant is visible to its person only
    db.add(line)
    if tenant_id is None:
        await db.flush()
    # an invite's subject is derived from its code, which grants access: it is stored but not logged
    shown = {} if action.startswith("invite.") else {"subject": str(subject)}
    log.info(f"audit.{action}", **shown, **detail)
    noun, _, verb = action.partition(".")
    if noun == "invite":
        metrics.invite_operations_total.labels(verb).inc()


class Filter(TypedDict, total=False):
    """Filters of the trail. `action` is an action or its prefix: "member.change", "invite."."""

    action: str | None
    user_id: UUID | None
    since: datetime | None
    until: datetime | None


async def list_(
    db: AsyncSession, actor: Actor, *, limit: int = 50, cursor: str | None = None, **wanted: Unpack[Filter]
) -> Page[AuditEvent]:
    """Return the group's events, the newest first. Admins only. Raises Invalid for a cursor never issued."""
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
    """Return the names of those of `ids` that are members of the group now. Admins only."""
    actor.require(Role.admin)
    query = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.tenant_id == actor.tenant, col(User.id).in_({one for one in ids if one}))
    )
    found = (await db.exec(query)).all()
    return {user.id: f"{user.first_name} {user.last_name}".strip() or f"@{user.username}" for user in found}
