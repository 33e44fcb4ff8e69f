"""Tasks that need a Telegram session: added by any door, run only by the account's lease holder."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.actor import Actor
from tg_assistant.core.names import TaskKind, Topic
from tg_assistant.errors import AssistantError, NotFound, Unavailable
from tg_assistant.infra.postgres.db import transaction_time
from tg_assistant.infra.postgres.events import notify
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountTask

_POLL_SECONDS = 1.0


async def add(
    db: AsyncSession,
    account_id: UUID,
    kind: str,
    args: dict[str, Any] | None = None,
    *,
    priority: int = 0,
    deadline: datetime | None = None,
) -> AccountTask:
    """Add a task for the account's lease holder, which sees it after commit.

    Higher `priority` runs first; 10 is for tasks that a person waits for.
    """
    tenant_id = (await db.exec(select(Account.tenant_id).where(Account.id == account_id))).one()
    # not by the ORM, which would list every column: a door's role may not write all of them
    statement = insert(AccountTask).values(
        id=uuid4(),
        tenant_id=tenant_id,
        account_id=account_id,
        kind=kind,
        args=args or {},
        priority=priority,
        deadline=deadline,
        attempts=0,
    )
    made = await db.exec(statement.returning(AccountTask))
    await notify(db, Topic.task, str(account_id))
    return made.scalar_one()


async def get(db: AsyncSession, actor: Actor, task_id: UUID) -> AccountTask:
    """Return a task of one of the actor's own accounts. Raises NotFound."""
    actor.require()
    query = (
        select(AccountTask)
        .join(Account, col(Account.id) == col(AccountTask.account_id))
        .where(
            AccountTask.id == task_id,
            AccountTask.tenant_id == actor.tenant,
            Account.user_id == actor.user_id,
        )
    )
    task = (await db.exec(query.execution_options(populate_existing=True))).first()
    if task is None:
        raise NotFound("tasks.not_found")
    return task


async def wait(rt: Runtime, actor: Actor, task_id: UUID, *, seconds: float = 5) -> AccountTask | None:
    """Return the finished task (see `outcome`), or None if still open after `seconds`. Raises NotFound."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), rt.events.listening(Topic.task, str(task_id)) as event:
            while True:
                event.clear()
                async with rt.db.transaction(actor.tenant) as db:
                    task = await get(db, actor, task_id)
                if task.done_at is not None:
                    return task
                await event.within(_POLL_SECONDS)
    return None


def outcome(task: AccountTask) -> dict[str, Any]:
    """Return the result of a finished task. Raises the error it ended with."""
    if task.error is None:
        return task.result or {}
    values = dict(task.error_values)
    name, retry_after = values.pop("class", ""), values.pop("retry_after", None)
    values.pop("status", None)  # rows written by older versions have it in place of the class
    kinds = {kind.__name__: kind for kind in AssistantError.__subclasses__()}
    raise kinds.get(name, Unavailable)(task.error, retry_after=retry_after, **values)


def _kept(error: AssistantError) -> dict[str, Any]:
    return {**error.values, "class": type(error).__name__, "retry_after": error.retry_after}


async def claim(db: AsyncSession, account_id: UUID, epoch: int) -> AccountTask | None:
    """Claim the next due task under `epoch` and return it, or None; claims of earlier epochs do not count."""
    query = (
        select(AccountTask)
        .where(
            AccountTask.account_id == account_id,
            col(AccountTask.done_at).is_(None),
            col(AccountTask.not_before) <= func.now(),
            or_(col(AccountTask.claimed_epoch).is_(None), col(AccountTask.claimed_epoch) != epoch),
        )
        .order_by(col(AccountTask.priority).desc(), col(AccountTask.not_before), col(AccountTask.created_at))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    task = (await db.exec(query.execution_options(populate_existing=True))).first()
    if task is not None:
        task.claimed_epoch, task.claimed_at = epoch, transaction_time()
        task.attempts += 1
        db.add(task)
        await db.flush()
        await db.refresh(task)
    return task


async def unclaim(db: AsyncSession, account_id: UUID) -> None:
    """Release the tasks this owner had claimed when its last connection broke; call before claiming.

    The task did not cause that, so it does not count as an attempt.
    """
    statement = (
        update(AccountTask)
        .where(
            col(AccountTask.account_id) == account_id,
            col(AccountTask.done_at).is_(None),
            col(AccountTask.claimed_epoch).is_not(None),
        )
        .values(claimed_epoch=None, claimed_at=None, attempts=func.greatest(AccountTask.attempts - 1, 0))
        .execution_options(synchronize_session=False)
    )
    await db.exec(statement)


async def next_due(db: AsyncSession, account_id: UUID) -> float | None:
    """Return the seconds until the next open task may run, or None when there is none."""
    due = func.extract("epoch", func.min(col(AccountTask.not_before)) - func.now())
    query = select(due).where(AccountTask.account_id == account_id, col(AccountTask.done_at).is_(None))
    seconds = (await db.exec(query)).one_or_none()
    return None if seconds is None else max(0.0, float(seconds))


async def finish(
    db: AsyncSession,
    task: AccountTask,
    *,
    epoch: int,
    result: dict[str, Any] | None = None,
    error: AssistantError | None = None,
) -> bool:
    """Close the task with its result or error; return False when it was closed already.

    Raises LeaseLost when another epoch has claimed it.
    """
    values: dict[str, Any] = {"done_at": func.now(), "result": result}
    if error is not None:
        values |= {"error": error.code, "error_values": _kept(error)}
    closed = await _update(db, task, epoch, values)
    if closed:
        await notify(db, Topic.task, str(task.id))
    return closed


async def postpone(
    db: AsyncSession, task: AccountTask, seconds: float, *, epoch: int, counted: bool = True
) -> None:
    """Release the task for a retry after `seconds`; with `counted` False this run is no attempt.

    Raises LeaseLost when another epoch has claimed it.
    """
    await _update(
        db,
        task,
        epoch,
        {
            "not_before": func.now() + timedelta(seconds=seconds),
            "claimed_epoch": None,
            "claimed_at": None,
            "attempts": task.attempts if counted else max(0, task.attempts - 1),
        },
    )


async def _update(db: AsyncSession, task: AccountTask, epoch: int, values: dict[str, Any]) -> bool:
    statement = (
        update(AccountTask)
        .where(
            col(AccountTask.id) == task.id,
            col(AccountTask.claimed_epoch) == epoch,
            col(AccountTask.done_at).is_(None),
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if (await db.exec(statement)).rowcount == 1:
        return True
    query = select(AccountTask.done_at, AccountTask.claimed_epoch).where(AccountTask.id == task.id)
    done_at, claimed = (await db.exec(query)).one()
    if done_at is None and claimed != epoch:
        raise LeaseLost
    return False


async def open_of_kind(db: AsyncSession, account_id: UUID, kind: str) -> list[AccountTask]:
    """Return the open tasks of one kind, the oldest first, so that the same work is not added twice."""
    query = select(AccountTask).where(
        AccountTask.account_id == account_id, AccountTask.kind == kind, col(AccountTask.done_at).is_(None)
    )
    return list((await db.exec(query.order_by(col(AccountTask.created_at)))).all())


async def close(db: AsyncSession, task: AccountTask, error: AssistantError | None = None) -> None:
    """End an open task that has become pointless, even a claimed one, and notify those waiting for it."""
    task.done_at = transaction_time()
    if error is not None:
        task.error, task.error_values = error.code, _kept(error)
    db.add(task)
    await db.flush()
    await notify(db, Topic.task, str(task.id))


async def close_all(db: AsyncSession, account_id: UUID, error: AssistantError) -> None:
    """End with `error` every open task of an account that is gone; a log-out ends as a success."""
    query = select(AccountTask).where(
        AccountTask.account_id == account_id, col(AccountTask.done_at).is_(None)
    )
    for task in (await db.exec(query)).all():
        await close(db, task, None if task.kind == TaskKind.log_out else error)
