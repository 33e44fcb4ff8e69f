"""The account's own list of channels, stored so that choosing one needs no request to Telegram."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import following
from tg_assistant.core.channels.following import Found
from tg_assistant.core.channels.references import Reference
from tg_assistant.core.names import TaskKind, Topic
from tg_assistant.errors import LimitReached, Unavailable
from tg_assistant.infra import clock, metrics
from tg_assistant.infra.postgres import events
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountTask, Channel, Dialog

REFRESH_SECONDS = 60  # least time between refreshes, because reading the list too often leads to long bans
_AHEAD = timedelta(seconds=5)  # how far another process's clock may be ahead
_FRESH = timedelta(minutes=1)  # a list up to this age proves access to a private channel


async def available(rt: Runtime, actor: Actor, *, refresh: bool = False) -> list[Dialog]:
    """Return the channels the person's account is subscribed to, in Telegram's order.

    The first time, or on `refresh`, the list is read from Telegram: waits up to 5 s, then raises Unavailable
    ("channels.checking" with `task_id`). One older than a minute is returned as it is and read again
    meanwhile; `Topic.dialogs` tells when that is done. Raises NotAllowed without an account, LimitReached
    when refreshed too often.
    """
    actor.require()
    async with rt.db.transaction(actor.tenant) as db:
        account = await following.own_account(db, actor)
        if account.dialogs_at is not None and not refresh:
            if _age(db, account).total_seconds() > REFRESH_SECONDS:
                await refresh_soon(db, account.id)
            return await _listed(db, account)
        task_id = await _asked(db, account)
    task = await tasks.wait(rt, actor, task_id)
    if task is None:
        raise Unavailable("channels.checking", retry_after=2, task_id=str(task_id))
    tasks.outcome(task)
    async with rt.db.transaction(actor.tenant) as db:
        return await _listed(db, account)


async def kept(db: AsyncSession, actor: Actor) -> tuple[list[Dialog], datetime | None]:
    """Return the list as it is stored, without asking Telegram, and when it was last read from there.

    Telegram's updates keep it up between two readings (`noticed`). Raises NotAllowed without an account.
    """
    actor.require()
    account = await following.own_account(db, actor)
    return await _listed(db, account), account.dialogs_at


async def _listed(db: AsyncSession, account: Account) -> list[Dialog]:
    query = select(Dialog).where(Dialog.account_id == account.id)
    return list(await db.exec(query.order_by(col(Dialog.position), col(Dialog.title))))


async def _asked(db: AsyncSession, account: Account) -> UUID:
    """Return the id of the open task that reads the list, or of a new one. Raises LimitReached."""
    query = select(AccountTask.id).where(
        AccountTask.account_id == account.id,
        AccountTask.kind == TaskKind.dialogs,
        col(AccountTask.done_at).is_(None),
    )
    open_task = (await db.exec(query)).first()
    if open_task is not None:
        return open_task
    age = _age(db, account).total_seconds()
    if age < REFRESH_SECONDS:
        policy = ("refresh", 1, REFRESH_SECONDS)
        metrics.rate_limit_exceeded_total.labels("refresh").inc()
        raise LimitReached("channels.refreshed_recently", policy=policy, retry_after=REFRESH_SECONDS - age)
    return (await tasks.add(db, account.id, TaskKind.dialogs, priority=10)).id


def _age(db: AsyncSession, account: Account) -> timedelta:
    """Return the age of the account's list: the maximum without one, or if it is dated in the future.

    The latter happens when a clock was set back.
    """
    if account.dialogs_at is None:
        return timedelta.max
    age = clock.now(db) - account.dialogs_at
    return age if age > -_AHEAD else timedelta.max


async def find(db: AsyncSession, account: Account, reference: Reference) -> Found | None:
    """Return the referenced channel from the account's list, or None.

    For a private channel `vouched` is False when the list is older than a minute. A name is looked for in no
    older list: it may belong to another channel by now.
    """
    fresh = _age(db, account) < _FRESH
    query = select(Dialog).where(Dialog.account_id == account.id)
    if reference.username:
        if not fresh:
            return None
        query = query.where(func.lower(col(Dialog.username)) == reference.username.lower())
    else:
        query = query.where(Dialog.telegram_id == reference.telegram_id)
    listed = (await db.exec(query)).first()
    if listed is None:
        return None
    return replace(as_found(listed), vouched=fresh or not listed.private)


def as_found(listed: Dialog) -> Found:
    """Convert an entry of the list for `following.follow`."""
    return Found(
        listed.telegram_id,
        listed.title,
        listed.username,
        listed.private,
        listed.members,
        listed=True,
    )


async def save(
    db: AsyncSession, account_id: UUID, listed: Sequence[Dialog], groups: Sequence[int] = ()
) -> None:
    """Replace the account's list, and renew its access to the followed channels that are on it.

    `groups` are the ids of the account's groups, which cannot be followed.
    """
    await db.exec(delete(Dialog).where(col(Dialog.account_id) == account_id))
    await db.flush()
    db.add_all(listed)
    now = clock.now(db)
    await db.exec(
        update(Account).where(col(Account.id) == account_id).values(dialogs_at=now, group_ids=list(groups))
    )
    await _renew_access(db, account_id, listed)
    await _changed(db, account_id)


async def noticed(db: AsyncSession, account_id: UUID, dialog: Dialog) -> None:
    """Put one channel of the account, as an update of Telegram shows it, into the list: new, or as it is now.

    Access to it is renewed, as by reading the list.
    """
    account = await db.get_one(Account, account_id)
    if account.dialogs_at is None:
        return  # the whole list is still to be read
    listed = await db.get(Dialog, (account_id, dialog.telegram_id))
    if listed is not None:
        dialog.folder, dialog.position = listed.folder, listed.position
    else:
        first = select(func.min(Dialog.position)).where(Dialog.account_id == account_id)
        dialog.position = ((await db.exec(first)).one() or 0) - 1
    await db.merge(dialog)
    await db.flush()
    await _renew_access(db, account_id, [dialog])
    await _changed(db, account_id)


async def refresh_soon(db: AsyncSession, account_id: UUID) -> None:
    """Have the list read again, as soon as that is not too often."""
    account = await db.get_one(Account, account_id)
    if await tasks.open_of_kind(db, account_id, TaskKind.dialogs):
        return
    task = await tasks.add(db, account_id, TaskKind.dialogs)
    left = REFRESH_SECONDS - _age(db, account).total_seconds()
    if left > 0:
        task.not_before = clock.now(db) + timedelta(seconds=left)
        db.add(task)


async def forget(db: AsyncSession, account_id: UUID, telegram_id: int) -> None:
    """Remove a channel from the account's list after access was lost, so that it no longer proves access."""
    gone = delete(Dialog).where(col(Dialog.account_id) == account_id, col(Dialog.telegram_id) == telegram_id)
    if (await db.exec(gone)).rowcount:
        await _changed(db, account_id)


async def _changed(db: AsyncSession, account_id: UUID) -> None:
    account = await db.get_one(Account, account_id)
    await events.notify(db, Topic.dialogs, str(account.user_id))


async def _renew_access(db: AsyncSession, account_id: UUID, listed: Sequence[Dialog]) -> None:
    account = await db.get_one(Account, account_id)
    by_id = {dialog.telegram_id: dialog for dialog in listed}
    query = select(Channel).where(Channel.tenant_id == account.tenant_id, col(Channel.telegram_id).in_(by_id))
    for channel in (await db.exec(query)).all():
        dialog = by_id[channel.telegram_id]
        # it may have been renamed or made private; then the tenant's other people need access of their own
        following.describe(channel, dialog.title, dialog.username)
        await following.grant(db, account, channel.id, dialog.access_hash)
