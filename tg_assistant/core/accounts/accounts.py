"""Linked Telegram accounts: what is connected, logging out, and what happens when Telegram ends a session."""

from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import delete, text, update
from sqlalchemy.orm import undefer_group
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.accounts import leases, tasks
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.messaging import outbox
from tg_assistant.core.names import TaskKind, Topic
from tg_assistant.errors import NotFound, Unavailable
from tg_assistant.infra.crypto import Binding, Keyring, SealBroken
from tg_assistant.infra.postgres.db import run_text, transaction_time
from tg_assistant.infra.postgres.events import notify
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import UNCHECKED, Account, AccountStatus, ChannelAccess, Dialog, MethodWait
from tg_assistant.models.base import SECRETS

log = structlog.get_logger()
KEY_MISSING = "KEY_MISSING"  # why an account ended: ours, not one of Telegram's
_LOG_OUT_PRIORITY = 100


async def list_(db: AsyncSession, actor: Actor) -> list[Account]:
    """The actor's accounts, the connected one first; those logged out are not shown."""
    actor.require()
    query = scoped(Account, actor).where(
        Account.user_id == actor.user_id, Account.status != AccountStatus.logged_out
    )
    return list((await db.exec(query.order_by(col(Account.status), col(Account.connected_at).desc()))).all())


async def own(db: AsyncSession, actor: Actor) -> Account | None:
    """The actor's connected account."""
    actor.require()
    query = scoped(Account, actor).where(
        Account.user_id == actor.user_id, Account.status == AccountStatus.connected
    )
    return (await db.exec(query)).first()


async def disconnect(rt: Runtime, actor: Actor, account_id: UUID, *, seconds: float = 5) -> bool:
    """Log out at Telegram, then destroy the key. False: Telegram is not answering yet; it is tried on.

    Raises NotFound for another person's account as for one that does not exist, and Unavailable when
    Telegram refused.
    """
    async with rt.db.transaction(actor.tenant) as db:
        account = await _get(db, actor, account_id)
        if account.status != AccountStatus.connected:
            # as `logged_out` does, but by a function: a door may change no account itself
            await run_text(db, text("SELECT forget_ended_account(:id)"), id=account.id)
            await _told_gone(db, account)
            return True
        open_tasks = await tasks.open_of_kind(db, account.id, "log_out")
        if open_tasks:
            task = open_tasks[0]
        else:
            task = await tasks.add(db, account.id, TaskKind.log_out, priority=_LOG_OUT_PRIORITY)
            await audit.record(db, actor, "account.log_out_asked", account.id)
    finished = await tasks.wait(rt, actor, task.id, seconds=seconds)
    if finished is None:
        return False
    tasks.outcome(finished)
    return True


async def _get(db: AsyncSession, actor: Actor, account_id: UUID) -> Account:
    actor.require()
    query = scoped(Account, actor).where(Account.id == account_id, Account.user_id == actor.user_id)
    account = (await db.exec(query.with_for_update())).first()
    if account is None:
        raise NotFound("accounts.not_found")
    return account


async def logged_out(db: AsyncSession, account: Account) -> None:
    """The session is gone at Telegram: destroy the key and what only this account could see.

    Channels stay followed; private ones are hidden, because nobody's access to them is known any more. What
    it had lost is still known, without how it was addressed: a public one would be open to the person again.
    """
    account.status, account.ended_reason = AccountStatus.logged_out, None
    _destroy_key(account)
    db.add(account)
    for model in (Dialog, MethodWait):
        await db.exec(delete(model).where(col(model.account_id) == account.id))
    own = col(ChannelAccess.account_id) == account.id
    await db.exec(delete(ChannelAccess).where(own, col(ChannelAccess.lost_at).is_(None)))
    await db.exec(update(ChannelAccess).where(own).values(access_hash=0))
    await _told_gone(db, account)


async def _told_gone(db: AsyncSession, account: Account) -> None:
    await tasks.close_all(db, account.id, NotFound("accounts.disconnected"))
    who = {"tenant_id": account.tenant_id, "user_id": account.user_id}
    await audit.record(db, None, "account.logged_out", account.id, **who)
    await notify(db, Topic.account, str(account.id))


async def end(db: AsyncSession, account: Account, reason: str) -> None:
    """Telegram ended the session for good (`reason` is its name for why). Data stays; the person is told.

    What only this account could read is hidden until one of theirs is connected and has looked: nobody would
    notice any more that they were removed from a private channel.
    """
    if account.status != AccountStatus.connected:
        return
    if await tasks.open_of_kind(db, account.id, "log_out"):
        await logged_out(db, account)  # it is what the person asked for
        return
    account.status, account.ended_reason = AccountStatus.ended, reason
    _destroy_key(account)
    db.add(account)
    await _nothing_checked(db, account)
    await tasks.close_all(db, account.id, NotFound("accounts.disconnected"))
    await outbox.add(db, account.user_id, "account.ended", tenant_id=account.tenant_id, reason=reason)
    who = {"tenant_id": account.tenant_id, "user_id": account.user_id}
    await audit.record(db, None, "account.ended", account.id, reason=reason, **who)
    await notify(db, Topic.account, str(account.id))


async def lock_away(db: AsyncSession, account: Account) -> None:
    """Its session does not open with the keys ingest has: the person is told, and the session is kept.

    Should the operator bring the right key back, `reopen` connects it again.
    """
    account.status, account.ended_reason = AccountStatus.ended, KEY_MISSING
    db.add(account)
    await _nothing_checked(db, account)
    for task in await tasks.open_of_kind(db, account.id, "log_out"):
        await tasks.close(db, task, Unavailable("accounts.key_missing"))
    await tasks.close_all(db, account.id, NotFound("accounts.disconnected"))
    await outbox.add(db, account.user_id, "account.key_missing", tenant_id=account.tenant_id)
    who = {"tenant_id": account.tenant_id, "user_id": account.user_id}
    await audit.record(db, None, "account.key_missing", account.id, **who)
    await notify(db, Topic.account, str(account.id))


async def reopen(db: AsyncSession, keyring: Keyring) -> int:
    """Connect accounts again that were locked away and open now; how many."""
    query = select(Account).where(Account.status == AccountStatus.ended, Account.ended_reason == KEY_MISSING)
    query, found = query.options(undefer_group(SECRETS)), 0
    for account in (await db.exec(query.with_for_update(skip_locked=True))).all():
        with suppress(SealBroken):
            open_session(account, keyring)
            account.status, account.ended_reason, found = AccountStatus.connected, None, found + 1
            db.add(account)
            await notify(db, Topic.account, str(account.id))
    return found


async def _nothing_checked(db: AsyncSession, account: Account) -> None:
    """Nobody sees any more whether the account has access to what it could read."""
    held = col(ChannelAccess.account_id) == account.id, col(ChannelAccess.lost_at).is_(None)
    await db.exec(update(ChannelAccess).where(*held).values(checked_at=UNCHECKED))
    await notify(db, Topic.rights, str(account.user_id))


def _destroy_key(account: Account) -> None:
    account.sealed_session, account.update_state = None, {}


async def waiting(db: AsyncSession) -> list[UUID]:
    """Connected accounts nobody owns, the longest waiting first."""
    query = select(Account.id).where(
        Account.status == AccountStatus.connected,
        leases.free(Account),
    )
    return list((await db.exec(query.order_by(col(Account.lease_until).nulls_first()))).all())


async def read(db: AsyncSession, account_id: UUID) -> Account:
    """The row as it is now, with its key, whatever the session had loaded; for ingest.

    Raises NoResultFound once it was deleted.
    """
    query = select(Account).where(Account.id == account_id).options(undefer_group(SECRETS))
    return (await db.exec(query.execution_options(populate_existing=True))).one()


async def seen_alive(db: AsyncSession, account_id: UUID) -> None:
    """Telegram has just answered on this account's session."""
    account = await read(db, account_id)
    account.last_ok_at = transaction_time()
    db.add(account)


def open_session(account: Account, keyring: Keyring) -> bytes:
    """The session of a connected account. Raises SealBroken."""
    return keyring.open(account.sealed_session or b"", binding(account))


def binding(account: Account) -> Binding:
    """What the sealed session is tied to: an envelope copied to another row does not open there."""
    return Binding(account.tenant_id, account.user_id, account.telegram_id, account.id)


async def linked(db: AsyncSession, account_id: UUID) -> Account:
    """The row without its key; for ingest. Raises NoResultFound once it was deleted."""
    return await db.get_one(Account, account_id)


async def keep_place(db: AsyncSession, account_id: UUID, place: dict[str, Any]) -> None:
    """Write down how far in Telegram's updates everything has been saved."""
    kept = update(Account).where(col(Account.id) == account_id).values(update_state=place)
    await db.exec(kept)
