"""Erasure of all data about a person at their request: first the sessions at Telegram, then the rows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, text
from sqlalchemy.exc import OperationalError
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.accounts import accounts, logins
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.channels import channels
from tg_assistant.core.group import invites
from tg_assistant.core.messaging import inbox, outbox
from tg_assistant.core.names import Job
from tg_assistant.core.retrieval import indexing
from tg_assistant.errors import NotAllowed, Unavailable
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.postgres.db import run_text
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountStatus,
    AppSession,
    Invite,
    Login,
    Membership,
    Question,
    Role,
    Tenant,
    User,
)

_TRIES, _PAUSE = 20, 0.2  # the pause is in seconds
_PATIENCE = "500ms"  # below deadlock_timeout (1 s), after which PostgreSQL would end one of the transactions
_IN_THE_WAY = ("55P03", "40P01")  # lock_not_available, deadlock_detected


@dataclass(frozen=True)
class Receipt:
    """What was deleted. The audit trail stores `id` and the numbers, but no name and no text."""

    id: UUID
    at: datetime
    accounts: int
    channels: int
    questions: int
    sessions: int
    group: bool = False  # the whole group was deleted with its last owner


async def erase(rt: Runtime, actor: Actor, *, with_group: bool = False) -> Receipt:
    """Log the person's accounts out at Telegram, then delete all their data; may be repeated.

    The last owner must first make another member an owner, or pass `with_group`: then everybody's accounts
    are logged out and the group is deleted with all its data. An owner without other members always deletes
    the group. Raises NotAllowed for a last owner that does neither, and Unavailable while Telegram has not
    confirmed the log-out, because afterwards nobody could end that session any more.
    """
    linked, whole = 0, False
    if actor.tenant_id:
        async with rt.db.transaction(actor.tenant) as db:
            whole = await _takes_group(db, actor, with_group)
            people = await _everybody(db, actor) if whole else [actor.user_id]
        for user_id in people:
            linked += await _log_out(rt, replace(actor, user_id=user_id))
    return await _yielding(lambda: _end(rt, actor, with_group, whole, linked))


async def _yielding(attempt: Callable[[], Awaitable[Receipt]]) -> Receipt:
    """Run `attempt`, and retry it from the start when it waits too long for a lock.

    Deletion locks rows in an order of its own, so without that it could deadlock with other transactions and
    end them. Raises Unavailable when all tries fail.
    """
    for _ in range(_TRIES):
        try:
            return await attempt()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _IN_THE_WAY:
                raise
        await asyncio.sleep(_PAUSE)
    raise Unavailable("database.unavailable", retry_after=5)


async def _end(rt: Runtime, actor: Actor, with_group: bool, whole: bool, linked: int) -> Receipt:
    async with rt.db.transaction(actor.tenant_id) as db:
        await run_text(db, text("SELECT set_config('lock_timeout', :most, true)"), most=_PATIENCE)
        if actor.tenant_id:
            await _settle(db, actor, with_group, whole)
        return await _delete(db, actor, rt.clock.now(), linked, whole)


async def _settle(db: AsyncSession, actor: Actor, with_group: bool, whole: bool) -> None:
    """Check that what was found at the start still holds, and lock it until this transaction ends."""
    if whole:  # blocks joining, connecting and everything else that references the group
        await db.exec(select(Tenant.id).where(Tenant.id == actor.tenant).with_for_update())
    if await _takes_group(db, actor, with_group) != whole:
        raise NotAllowed("erasure.last_owner")  # the members changed, so the person must decide again
    mine = (lambda model: True) if whole else (lambda model: model.user_id == actor.user_id)
    connected = scoped(Account, actor).where(mine(Account), Account.status == AccountStatus.connected)
    half_made = scoped(Login, actor).where(mine(Login), col(Login.key_pending))
    for left in (connected, half_made):
        if (await db.exec(left)).first() is not None:  # connected since the log-out
            raise Unavailable("erasure.log_out_pending", retry_after=30)


async def _takes_group(db: AsyncSession, actor: Actor, with_group: bool) -> bool:
    """Return whether the group is to be deleted, too.

    Of two owners leaving at once the second waits for the lock here, and is then the last. Raises NotAllowed
    for a last owner without `with_group` while there are other members.
    """
    await db.exec(select(Tenant.id).where(Tenant.id == actor.tenant).with_for_update(key_share=True))
    own = scoped(Membership, actor).where(Membership.user_id == actor.user_id)
    mine = (await db.exec(own.execution_options(populate_existing=True))).first()
    if mine is None or mine.role != Role.owner:
        return False
    others = scoped(Membership, actor).where(Membership.user_id != actor.user_id)
    rows = (await db.exec(others.execution_options(populate_existing=True))).all()
    if any(row.role == Role.owner and not row.disabled for row in rows):
        return False
    if rows and not with_group:
        raise NotAllowed("erasure.last_owner")
    return True


async def _everybody(db: AsyncSession, actor: Actor) -> list[UUID]:
    query = select(Membership.user_id).where(Membership.tenant_id == actor.tenant)
    return list((await db.exec(query)).all())


async def _log_out(rt: Runtime, actor: Actor) -> int:
    async with rt.db.transaction(actor.tenant) as db:
        linked = await accounts.list_(db, actor)
        await logins.end_all(db, actor, actor.user_id)
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


async def _delete(db: AsyncSession, actor: Actor, at: datetime, linked: int, whole: bool) -> Receipt:
    counts = {
        "accounts": linked,
        "channels": await _followed(db, actor),
        "questions": await _count(db, Question, Question.user_id == actor.user_id),
        "sessions": await _count(db, AppSession, AppSession.user_id == actor.user_id),
    }
    receipt = Receipt(uuid4(), at, **counts, group=whole)
    # a group's audit trail is deleted with it; this event has to stay, so it gets no tenant
    who = replace(actor, tenant_id=None) if whole else actor
    await audit.record(db, who, "person.erase", receipt.id, **counts, group=whole)
    await db.flush()
    if whole:
        await _delete_group(db, actor)
    await _forget(db, actor)
    return receipt


async def _followed(db: AsyncSession, actor: Actor) -> int:
    """Stop following all channels, so that those without other followers are purged; return how many."""
    if actor.tenant_id is None:
        return 0
    followed = await channels.list_(db, actor)
    for each in followed:
        await channels.remove(db, actor, each.channel.id)
    return len(followed)


async def _count(db: AsyncSession, model: Any, condition: Any) -> int:
    return (await db.exec(select(func.count()).select_from(model).where(condition))).one()


async def _delete_group(db: AsyncSession, actor: Actor) -> None:
    tenant = await db.get_one(Tenant, actor.tenant)
    for user_id in await _everybody(db, actor):
        if user_id != actor.user_id:
            await outbox.add(db, user_id, "group.deleted", tenant_id=None, group=tenant.name)
    await db.exec(delete(Tenant).where(col(Tenant.id) == actor.tenant))
    await jobs.ask(db, Job.forget_tenant, actor.tenant)


async def _forget(db: AsyncSession, actor: Actor) -> None:
    # waits for an invite being created by this person, so that the statements below include it
    own = select(Membership).where(Membership.user_id == actor.user_id).with_for_update()
    mine = (await db.exec(own.execution_options(populate_existing=True))).first()
    if mine is not None:
        # invites with which the person could come back with more rights than a user's are revoked
        back = invites.regaining_invites(actor.user_id, Role(mine.role), Role.user) & (
            col(Invite.role) != Role.user.value
        )
        revoked = update(Invite).where(col(Invite.tenant_id) == mine.tenant_id, back).values(active=False)
        await db.exec(revoked)
    # other invites belong to the tenant: they stay, without reference to the person
    for column in (Invite.created_by, Invite.last_used_by):
        statement = update(Invite).where(col(column) == actor.user_id).values({col(column): None})
        await db.exec(statement)
    await inbox.forget(db, actor.telegram_id)
    await db.exec(delete(User).where(col(User.id) == actor.user_id))


async def forget_tenant(rt: Runtime, tenant_id: UUID) -> None:
    """Delete what a deleted group has outside its tables: its vectors and its jobs. Raises Unavailable.

    The handler of `Job.forget_tenant`.
    """
    await indexing.forget_tenant(rt, tenant_id)
    async with rt.db.transaction() as db:
        await jobs.forget_about(db, str(tenant_id), besides=Job.forget_tenant)
