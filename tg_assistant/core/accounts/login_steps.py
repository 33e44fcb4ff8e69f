"""Ingest's side of a QR attempt: each step it may write, under the epoch of its lease."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import func, or_, update
from sqlalchemy.orm import undefer_group
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit
from tg_assistant.core.accounts import accounts, flood_waits, leases, logins, tasks
from tg_assistant.core.messaging import outbox
from tg_assistant.core.names import TaskKind, Topic
from tg_assistant.infra import clock, metrics
from tg_assistant.infra.crypto import Binding, Keyring, SealBroken
from tg_assistant.infra.postgres.db import transaction_time
from tg_assistant.infra.postgres.events import notify
from tg_assistant.models import Account, AccountStatus, Login, LoginStatus, Membership, User
from tg_assistant.models.base import SECRETS

log = structlog.get_logger()
_FINAL = [status.value for status in LoginStatus if status.final]


class AttemptOver(Exception):
    """The attempt has ended meanwhile: roll back what was done in its name.

    The account that was connected before keeps its session, which `authorize` has already marked as replaced.
    """


@dataclass(frozen=True)
class Person:
    """The person that started the attempt; only their own account may be connected."""

    telegram_id: int
    language: str


async def waiting(db: AsyncSession) -> list[UUID]:
    """Return the ids of attempts without a live lease that have work left, the oldest first.

    Those are attempts that are not final, and final ones whose auth key is not logged out yet.
    """
    query = select(Login.id).where(
        or_(col(Login.status).not_in(_FINAL), col(Login.pending_session).is_not(None)),
        leases.free(Login),
    )
    return list((await db.exec(query.order_by(col(Login.created_at)))).all())


async def read(db: AsyncSession, login_id: UUID) -> Login:
    """Return the attempt re-read from the database, with secrets. Raises NoResultFound once it is deleted."""
    query = select(Login).where(Login.id == login_id).options(undefer_group(SECRETS))
    return (await db.exec(query.execution_options(populate_existing=True))).one()


async def seconds_left(db: AsyncSession, login_id: UUID) -> float:
    """Return the seconds until the attempt expires, by the database's clock; negative afterwards."""
    left = func.extract("epoch", col(Login.expires_at) - func.clock_timestamp())
    return float((await db.exec(select(left).where(Login.id == login_id))).one())


async def person(db: AsyncSession, login: Login) -> Person:
    """Return the Telegram id that has to scan the code, and the language to use."""
    query = select(User.telegram_id, User.language).where(User.id == login.user_id)
    return Person(*(await db.exec(query)).one())


async def step(db: AsyncSession, login_id: UUID, epoch: int, **values: Any) -> bool:
    """Write a step of a live attempt; return False when it has ended meanwhile. Raises LeaseLost."""
    await leases.check(db, Login, login_id, epoch)
    statement = (
        update(Login)
        .where(col(Login.id) == login_id, col(Login.status).not_in(_FINAL))
        .values(updated_at=func.clock_timestamp(), **values)
        .execution_options(synchronize_session=False)
    )
    live = (await db.exec(statement)).rowcount == 1
    if live:
        await notify(db, Topic.login, str(login_id))
    return live


async def keep_pending(db: AsyncSession, login_id: UUID, epoch: int, sealed: bytes | None) -> None:
    """Store the auth key before it can be authorised, or None once it is logged out. Raises LeaseLost."""
    await leases.check(db, Login, login_id, epoch)
    statement = update(Login).where(col(Login.id) == login_id).values(pending_session=sealed)
    await db.exec(statement.execution_options(synchronize_session=False))
    if sealed is None:
        await notify(db, Topic.login, str(login_id))


async def waits(db: AsyncSession, login_id: UUID, telegram_id: int) -> dict[str, float]:
    """Return the seconds still to wait, by method: of the attempt's key, and of the account it may become."""
    now = clock.now(db).timestamp()
    kept = (await db.exec(select(Login.waits).where(Login.id == login_id))).one()
    left = {method: until - now for method, until in kept.items() if until > now}
    for method, seconds in (await flood_waits.left(db, telegram_id)).items():
        left[method] = max(seconds, left.get(method, 0.0))
    return left


async def keep_wait(db: AsyncSession, login_id: UUID, method: str, seconds: float) -> None:
    """Store a FLOOD_WAIT of the attempt's key, also for the process that takes the attempt over."""
    until = func.jsonb_build_object(method, clock.now(db).timestamp() + seconds)
    statement = update(Login).where(col(Login.id) == login_id).values(waits=col(Login.waits).op("||")(until))
    await db.exec(statement.execution_options(synchronize_session=False))


async def show_qr(db: AsyncSession, login_id: UUID, epoch: int, url: str, expires_at: datetime) -> bool:
    """Store a new code to scan, valid until `expires_at`. Returns and raises what `step` does."""
    return await step(
        db,
        login_id,
        epoch,
        status=LoginStatus.awaiting_scan.value,
        reason=None,
        retry_after=None,
        qr_url=url,
        qr_expires_at=expires_at,
    )


async def ask_password(
    db: AsyncSession, login_id: UUID, epoch: int, *, hint: str | None, key: bytes, wrong: int
) -> bool:
    """Ask for the 2FA password, to be sealed with `key`; `wrong` is the number of refused tries so far.

    Returns and raises what `step` does.
    """
    return await step(
        db,
        login_id,
        epoch,
        status=LoginStatus.password_required.value,
        reason=None,
        retry_after=None,
        qr_url=None,
        qr_expires_at=None,
        password_hint=hint,
        password_key=key,
        password_tries=wrong,
    )


async def take_password(db: AsyncSession, login_id: UUID, epoch: int) -> bytes | None:
    """Return the sealed password and delete it; None when there is none. Raises LeaseLost."""
    await leases.check(db, Login, login_id, epoch)
    query = select(Login.password_sealed).where(Login.id == login_id).with_for_update()
    sealed = (await db.exec(query)).one()
    if sealed is not None:
        statement = update(Login).where(col(Login.id) == login_id).values(password_sealed=None)
        await db.exec(statement.execution_options(synchronize_session=False))
    return sealed


async def end(
    db: AsyncSession, login_id: UUID, epoch: int, to: LoginStatus, reason: str | None = None
) -> bool:
    """Write a final status; the pending auth key stays stored until it is logged out.

    Returns and raises what `step` does.
    """
    ended = await step(
        db, login_id, epoch, status=to.value, reason=reason, retry_after=None, **logins.NO_SECRETS
    )
    if ended and to is LoginStatus.expired:
        metrics.auth_qr_expired_total.inc()
    elif ended and to is LoginStatus.failed:
        metrics.auth_qr_fail_total.labels(reason or "other").inc()
    return ended


async def mismatch(db: AsyncSession, login: Login, epoch: int, scanned_id: int) -> None:
    """Fail an attempt scanned by another person's account, whose id is stored in the audit trail only."""
    await end(db, login.id, epoch, LoginStatus.failed, "ownership_mismatch")
    who = {"tenant_id": login.tenant_id, "user_id": login.user_id}
    await audit.record(db, None, "account.mismatch", login.id, scanned_telegram_id=scanned_id, **who)


async def authorize(db: AsyncSession, login: Login, epoch: int, *, session: bytes, keyring: Keyring) -> bool:
    """Connect the account: store its sealed session, end the attempt and add the first task.

    The caller has checked that `session` belongs to the person that started the attempt, and has closed its
    connection, because the account's lease holder opens the next one. Returns False when the person was
    disabled or removed: the key then stays stored until it is logged out. Raises AttemptOver, so that nothing
    of this is saved, when the attempt was cancelled meanwhile, and LeaseLost.
    """
    if not await _has_access(db, login):
        await end(db, login.id, epoch, LoginStatus.failed, "access_ended")
        return False
    telegram_id = (await person(db, login)).telegram_id
    account = await _account(db, login, telegram_id, keyring)
    if not await end(db, login.id, epoch, LoginStatus.authorized):
        raise AttemptOver
    metrics.auth_qr_success_total.inc()
    metrics.auth_qr_duration_seconds.observe((clock.now(db) - login.created_at).total_seconds())
    account.sealed_session = keyring.seal(session, accounts.binding(account))
    db.add(account)
    await db.flush()
    statement = update(Login).where(col(Login.id) == login.id)
    await db.exec(
        statement.values(account_id=account.id, pending_session=None).execution_options(
            synchronize_session=False
        )
    )
    await tasks.add(db, account.id, TaskKind.dialogs, priority=5)
    await outbox.add(db, login.user_id, "account.connected", tenant_id=login.tenant_id)
    who = {"tenant_id": login.tenant_id, "user_id": login.user_id}
    await audit.record(db, None, "account.connected", account.id, device=login.device, **who)
    await notify(db, Topic.account, str(account.id))
    return True


async def _has_access(db: AsyncSession, login: Login) -> bool:
    """Lock the membership before the attempt's row, as disabling does; that then waits for our commit."""
    query = select(Membership.id).where(
        Membership.tenant_id == login.tenant_id,
        Membership.user_id == login.user_id,
        ~col(Membership.disabled),
    )
    return (await db.exec(query.with_for_update(read=True))).first() is not None


async def _account(db: AsyncSession, login: Login, telegram_id: int, keyring: Keyring) -> Account:
    """Return the person's account row, new or reused; hand a session it holds over to be logged out."""
    query = (
        select(Account)
        .where(
            Account.tenant_id == login.tenant_id,
            Account.user_id == login.user_id,
            Account.telegram_id == telegram_id,
        )
        .options(undefer_group(SECRETS))
    )
    account = (await db.exec(query.with_for_update().execution_options(populate_existing=True))).first()
    if account is None:
        return Account(
            tenant_id=login.tenant_id, user_id=login.user_id, telegram_id=telegram_id, device=login.device
        )
    if account.sealed_session is not None:
        await _retire(db, account, keyring)
    account.status, account.ended_reason, account.device = AccountStatus.connected, None, login.device
    account.connected_at = transaction_time()
    account.lease_epoch, account.lease_owner, account.lease_until = account.lease_epoch + 1, None, None
    return account


async def _retire(db: AsyncSession, account: Account, keyring: Keyring) -> None:
    """Hand the old key to the janitor, as an ended attempt it may take once the old owner's lease is over."""
    now = (await db.exec(select(func.now()))).one()
    old = Login(
        tenant_id=account.tenant_id,
        user_id=account.user_id,
        status=LoginStatus.authorized.value,
        reason="replaced",
        device=account.device,
        account_id=account.id,
        lease_until=account.lease_until,
        created_at=now,
        expires_at=now,
    )
    try:
        session = accounts.open_session(account, keyring)
    except SealBroken:
        # we cannot log it out; the person was asked to end it on their phone
        log.warning("account.key_missing", account_id=str(account.id))
        return
    old.pending_session = keyring.seal(session, _binding(old, account.telegram_id))
    db.add(old)
    for task in await tasks.open_of_kind(db, account.id, "log_out"):
        await tasks.close(db, task)


def _binding(login: Login, telegram_id: int) -> Binding:
    return Binding(login.tenant_id, login.user_id, telegram_id, login.id)


async def binding(db: AsyncSession, login: Login) -> Binding:
    """Return what the pending key is bound to: the expected person, because nobody may have scanned yet."""
    return _binding(login, (await person(db, login)).telegram_id)
