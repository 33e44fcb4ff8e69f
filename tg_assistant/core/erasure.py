"""Everything kept about a person goes, at their word: first the session at Telegram, then the rows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import accounts, audit, channels, logins
from tg_assistant.core.access import Actor, scoped
from tg_assistant.errors import NotAllowed, Unavailable
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountStatus,
    Invite,
    Login,
    LoginStatus,
    Membership,
    Question,
    Role,
    User,
)


@dataclass(frozen=True)
class Receipt:
    """What was deleted. `id` stands in the audit trail, which keeps no name and no text."""

    id: UUID
    at: datetime
    accounts: int
    channels: int
    questions: int


async def erase(rt: Runtime, actor: Actor) -> Receipt:
    """Log the person out at Telegram, then delete them with all they have; may be repeated.

    Raises NotAllowed for the last owner of others' tenant, and Unavailable while Telegram does not confirm
    the log-out: a session that nobody can end any more must not be left behind.
    """
    linked = await _log_out(rt, actor) if actor.tenant_id else 0
    async with rt.db.transaction(actor.tenant_id) as db:
        receipt = Receipt(
            uuid4(), rt.clock.now(), linked, await _followed(db, actor), await _asked(db, actor)
        )
        await _forget(db, actor)
        counts = {"accounts": linked, "channels": receipt.channels, "questions": receipt.questions}
        await audit.record(db, actor, "person.erase", receipt.id, **counts)
    return receipt


async def _log_out(rt: Runtime, actor: Actor) -> int:
    async with rt.db.transaction(actor.tenant) as db:
        await _check_owner(db, actor)
        linked = await accounts.list_(db, actor)
        open_ = Login.user_id == actor.user_id, col(Login.status).not_in([s for s in LoginStatus if s.final])
        for login in (await db.exec(scoped(Login, actor).where(*open_))).all():
            await logins.cancel(db, actor, login.id)
    for account in linked:
        if not await accounts.disconnect(rt, actor, account.id):
            raise Unavailable("erasure.log_out_pending", retry_after=30)
    if not await logins.settled(rt, actor):
        raise Unavailable("erasure.log_out_pending", retry_after=30)
    async with rt.db.transaction(actor.tenant) as db:
        live = Account.user_id == actor.user_id, Account.status == AccountStatus.connected
        if (await db.exec(scoped(Account, actor).where(*live))).first() is not None:
            raise Unavailable("erasure.log_out_pending", retry_after=30)
    return len(linked)


async def _check_owner(db: AsyncSession, actor: Actor) -> None:
    if actor.role is not Role.owner:
        return
    others = select(Membership.role).where(
        Membership.tenant_id == actor.tenant, Membership.user_id != actor.user_id
    )
    roles = (await db.exec(others)).all()
    if roles and Role.owner not in roles:
        raise NotAllowed("erasure.last_owner")


async def _followed(db: AsyncSession, actor: Actor) -> int:
    """Stop following, so that posts nobody else follows are purged with their part of the index."""
    if actor.tenant_id is None:
        return 0
    followed = await channels.list_(db, actor)
    for each in followed:
        await channels.remove(db, actor, each.channel.id)
    return len(followed)


async def _asked(db: AsyncSession, actor: Actor) -> int:
    query = select(func.count()).select_from(Question).where(Question.user_id == actor.user_id)
    return (await db.exec(query)).one()


async def _forget(db: AsyncSession, actor: Actor) -> None:
    # an invite belongs to its tenant: it stays, without the person's name on it
    for column in (Invite.created_by, Invite.last_used_by):
        statement = update(Invite).where(col(column) == actor.user_id).values({col(column): None})
        await db.exec(statement)  # type: ignore[call-overload]
    await db.exec(delete(User).where(col(User.id) == actor.user_id))  # type: ignore[call-overload]
