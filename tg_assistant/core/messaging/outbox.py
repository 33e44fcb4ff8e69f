"""Notifications for the bot to send: a text code with values, sent at least once in the person's language."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.access import sign_in
from tg_assistant.core.names import Topic
from tg_assistant.core.rollout import flags
from tg_assistant.errors import NotAllowed
from tg_assistant.infra.postgres.db import set_delivering, set_tenant, set_user
from tg_assistant.infra.postgres.events import notify
from tg_assistant.models import Notification, User

TRIES = 8
BATCH = 50  # notifications read at once
_LIFE = timedelta(days=2)  # older notifications are not sent: they would only confuse


@dataclass(frozen=True)
class Due:
    id: UUID
    telegram_id: int
    language: str
    code: str
    args: dict[str, Any]
    attempts: int
    user_id: UUID
    tenant_id: UUID | None


async def add(db: AsyncSession, user_id: UUID, code: str, *, tenant_id: UUID | None, **args: Any) -> None:
    """Queue a notification in the caller's transaction, unless the group has notifications turned off.

    Its text is `notifications.<code>`.
    """
    if tenant_id is not None and not await flags.enabled(db, tenant_id, flags.NOTIFICATIONS):
        return
    if tenant_id is None:
        await set_user(db, user_id)
    db.add(Notification(user_id=user_id, tenant_id=tenant_id, code=code, args=args))
    await db.flush()
    await notify(db, Topic.notification, str(user_id))


async def due(db: AsyncSession, limit: int = BATCH) -> list[Due]:
    """Return the notifications to be sent now, the oldest first."""
    await set_delivering(db)
    query = (
        select(Notification, User)
        .join(User, col(User.id) == col(Notification.user_id))
        .where(*_due())
        .order_by(col(Notification.created_at))
        .limit(limit)
    )
    return [
        Due(
            owed.id,
            user.telegram_id,
            user.language,
            owed.code,
            owed.args,
            owed.attempts,
            owed.user_id,
            owed.tenant_id,
        )
        for owed, user in await db.exec(query)
    ]


async def reaches(db: AsyncSession, user_id: UUID, codes: Sequence[str]) -> bool:
    """Return whether the person's newest notification with one of these codes was sent, or still will be."""
    query = (
        select(or_(col(Notification.sent_at).is_not(None), _pending()))
        .where(Notification.user_id == user_id, col(Notification.code).in_(codes))
        .order_by(col(Notification.created_at).desc())
    )
    return bool((await db.exec(query.limit(1))).first())


async def longest_wait(db: AsyncSession) -> float:
    """Return for how many seconds the oldest unsent notification has been due; 0 without any."""
    await set_delivering(db)
    oldest = select(func.extract("epoch", func.now() - func.min(Notification.not_before))).where(*_due())
    return float((await db.exec(oldest)).one() or 0)


def _due() -> tuple[ColumnElement[bool], ...]:
    return col(Notification.sent_at).is_(None), col(Notification.not_before) <= func.now(), _pending()


def _pending() -> ColumnElement[bool]:
    """Return the condition that an unsent notification is neither given up nor too old."""
    young = col(Notification.created_at) > func.now() - _LIFE
    return young & (col(Notification.attempts) < TRIES)


async def still_owed(db: AsyncSession, owed: Due) -> bool:
    """Return whether it may still be sent: a group's notifications are for members that are not disabled."""
    if owed.tenant_id is None:
        return True
    await set_tenant(db, owed.tenant_id)
    try:
        await sign_in.hold_member(db, owed.tenant_id, owed.user_id)
    except NotAllowed:
        return False
    return True


async def sent(db: AsyncSession, owed: Due) -> None:
    """Mark the notification as sent."""
    await _change(db, owed, sent_at=func.now())


async def postpone(db: AsyncSession, owed: Due, seconds: float, *, counted: bool = True) -> None:
    """Retry after `seconds`; pass `counted` False if Telegram could not be reached: it is no attempt then."""
    later = func.now() + timedelta(seconds=seconds)
    await _change(db, owed, not_before=later, attempts=owed.attempts + (1 if counted else 0))


async def drop(db: AsyncSession, owed: Due, reason: str) -> None:
    """Give the notification up, with an audit event: the person blocked the bot or may not receive it."""
    await _change(db, owed, attempts=TRIES)
    row = await db.get(Notification, owed.id)
    if row is not None:
        await set_tenant(db, row.tenant_id)
        who = {"tenant_id": row.tenant_id, "user_id": row.user_id}
        await audit.record(db, None, "notification.drop", owed.code, reason=reason, **who)


async def _change(db: AsyncSession, owed: Due, **values: Any) -> None:
    await set_delivering(db)
    statement = update(Notification).where(col(Notification.id) == owed.id).values(**values)
    await db.exec(statement.execution_options(synchronize_session=False))
