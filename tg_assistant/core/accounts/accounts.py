"""Linked Telegram accounts: listing, logging out, and handling sessions that Telegram ended."""

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
from tg_assistant.models import UNCHECKED, Account, AccountStatus, ChannelAccess, Dialog
from tg_assistant.models.base import SECRETS

log = structlog.get_logger()
KEY_MISSING = "KEY_MISSING"  # an `ended_reason` of our own; all others are Telegram's error names
FROZEN = "FROZEN"  # Telegram lets the account do next to nothing until an appeal; its session lives on
_TOLD_OF_END = ("account.ended", "account.key_missing")
_LOG_OUT_PRIORITY = 100


async def list_(db: AsyncSession, actor: Actor) -> list[Account]:
    """Return the actor's accounts, the connected one first, without those logged out."""
    actor.require()
    query = scoped(Account, actor).where(
        Account.user_id == actor.user_id, Account.status != AccountStatus.logged_out
    )
    return list((await db.exec(query.order_by(col(Account.status), col(Account.connected_at).desc()))).all())


async def own(db: AsyncSession, actor: Actor) -> Account | None:
    """Return the actor's connected account, or None."""
    actor.require()
    query = scoped(Account, actor).where(
        Account.user_id == actor.user_id, Account.status == AccountStatus.connected
    )
    return (await db.exec(query)).first()


async def disconnect(rt: Runtime, actor: Actor, account_id: UUID, *, seconds: float = 5) -> bool:
    """Have ingest log out at Telegram and then destroy the key; wait for it for at most `seconds`.

    Returns False when Telegram has not answered by then; ingest goes on retrying. Raises NotFound for an
    unknown account and for another person's, and Unavailable when Telegram refused.
    """
    async with rt.db.transaction(actor.tenant) as db:
        account = await _get(db, actor, account_id)
        if account.status == AccountStatus.logged_out:
            return True
        if account.status != AccountStatus.connected:
            # does what `logged_out` does, in a database function: a door's role may not update accounts
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
    """Record that the session is gone at Telegram: destroy the key and delete the account's own data.

    Waits that Telegram asked for stay, as they are the Telegram account's and not the session's.
    Subscriptions stay, but private channels are hidden, because no access to them is known any more. Rows of
    lost accesses stay, without their access hash: deleting them would open a public channel that this account
    was banned from to the person again.
    """
    account.status, account.ended_reason = AccountStatus.logged_out, None
    _destroy_key(account)
    db.add(account)
    await db.exec(delete(Dialog).where(col(Dialog.account_id) == account.id))
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
    """Record that Telegram ended the session (`reason` is its error name), and notify the person. Data stays.

    What only this account could read is hidden until another account of theirs has checked its access:
    without a session, removal from a private channel would not be noticed.
    """
    if account.status != AccountStatus.connected:
        return
    if await tasks.open_of_kind(db, account.id, "log_out"):
        await logged_out(db, account)  # the person asked for this end, so it counts as a log-out
        return
    account.status, account.ended_reason = AccountStatus.ended, reason
    if reason != FROZEN:  # whose session is logged out when the person connects again
        _destroy_key(account)
    db.add(account)
    await _nothing_checked(db, account)
    await tasks.close_all(db, account.id, NotFound("accounts.disconnected"))
    await outbox.add(db, account.user_id, "account.ended", tenant_id=account.tenant_id, reason=reason)
    who = {"tenant_id": account.tenant_id, "user_id": account.user_id}
    await audit.record(db, None, "account.ended", account.id, reason=reason, **who)
    await notify(db, Topic.account, str(account.id))


async def lock_away(db: AsyncSession, account: Account) -> None:
    """End an account whose session cannot be decrypted with ingest's keys; notify the person.

    The sealed session stays stored: once the operator restores the key, `reopen` connects the account again.
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
    """Reconnect accounts ended by `lock_away` whose sessions can be decrypted now; return how many."""
    query = select(Account).where(Account.status == AccountStatus.ended, Account.ended_reason == KEY_MISSING)
    query, found = query.options(undefer_group(SECRETS)), 0
    for account in (await db.exec(query.with_for_update(skip_locked=True))).all():
        with suppress(SealBroken):
            open_session(account, keyring)
            account.status, account.ended_reason, found = AccountStatus.connected, None, found + 1
            db.add(account)
            await notify(db, Topic.account, str(account.id))
    return found


async def tell_again(db: AsyncSession, actor: Actor) -> None:
    """Queue again the notice that the actor's account has ended, once they have unblocked the bot.

    Nothing is queued when it has been sent, or still will be.
    """
    if actor.tenant_id is None:
        return
    account = next((one for one in await list_(db, actor) if one.status == AccountStatus.ended), None)
    if account is None or await outbox.reaches(db, actor.user_id, _TOLD_OF_END):
        return
    who = {"tenant_id": account.tenant_id}
    if account.ended_reason == KEY_MISSING:
        await outbox.add(db, account.user_id, "account.key_missing", **who)
    else:
        await outbox.add(db, account.user_id, "account.ended", reason=account.ended_reason, **who)


async def _nothing_checked(db: AsyncSession, account: Account) -> None:
    """Mark the account's accesses as unchecked, because without a session their loss goes unnoticed."""
    held = col(ChannelAccess.account_id) == account.id, col(ChannelAccess.lost_at).is_(None)
    await db.exec(update(ChannelAccess).where(*held).values(checked_at=UNCHECKED))
    await notify(db, Topic.rights, str(account.user_id))


def _destroy_key(account: Account) -> None:
    account.sealed_session, account.update_state = None, {}


async def waiting(db: AsyncSession) -> list[UUID]:
    """Return the ids of connected accounts without a live lease, the longest waiting first."""
    query = select(Account.id).where(
        Account.status == AccountStatus.connected,
        leases.free(Account),
    )
    return list((await db.exec(query.order_by(col(Account.lease_until).nulls_first()))).all())


async def read(db: AsyncSession, account_id: UUID) -> Account:
    """Return the account re-read from the database, with its sealed session; for ingest.

    Raises NoResultFound once it is deleted.
    """
    query = select(Account).where(Account.id == account_id).options(undefer_group(SECRETS))
    return (await db.exec(query.execution_options(populate_existing=True))).one()


async def seen_alive(db: AsyncSession, account_id: UUID) -> None:
    """Set `last_ok_at`: Telegram has just answered on this account's session."""
    account = await read(db, account_id)
    account.last_ok_at = transaction_time()
    db.add(account)


def open_session(account: Account, keyring: Keyring) -> bytes:
    """Return the decrypted session of a connected account. Raises SealBroken."""
    return keyring.open(account.sealed_session or b"", binding(account))


def binding(account: Account) -> Binding:
    """Return what the sealed session is bound to, so that a copy in another row cannot be opened."""
    return Binding(account.tenant_id, account.user_id, account.telegram_id, account.id)


async def linked(db: AsyncSession, account_id: UUID) -> Account:
    """Return the account without its sealed session; for ingest. Raises NoResultFound once it is deleted."""
    return await db.get_one(Account, account_id)


async def keep_place(db: AsyncSession, account_id: UUID, place: dict[str, Any]) -> None:
    """Store the position in Telegram's updates up to which everything has been saved."""
    kept = update(Account).where(col(Account.id) == account_id).values(update_state=place)
    await db.exec(kept)
