"""Performs an account's tasks one by one, the highest priority first, under the lease's epoch."""

import asyncio
from dataclasses import replace

import structlog
from telethon.errors import FloodWaitError

from ingest.budget import BudgetSpent, for_person
from ingest.context import AccountContext, Postponed
from ingest.session_errors import ENDED
from ingest.tasks import Result, handler
from tg_assistant.core.accounts import tasks
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.names import TaskKind, Topic
from tg_assistant.errors import AssistantError, Invalid, LimitReached, Unavailable
from tg_assistant.models import AccountTask

log = structlog.get_logger()
_POLL_SECONDS = 5.0
_TASK_SECONDS = 90.0
_MAX_ATTEMPTS = 5
_PERSON_WAITS = 10  # from this priority on a person is waiting for the result …
_PATIENCE = 30  # … and a FLOOD_WAIT of more seconds fails the task instead of postponing it


async def run(ctx: AccountContext) -> None:
    """Perform tasks until cancelled. Raises LeaseLost, errors that end the session, and connection errors."""
    # a lost connection leaves its current task claimed under the same epoch
    async with ctx.transaction() as db:
        await tasks.unclaim(db, ctx.account_id)
    async with ctx.rt.events.listening(Topic.task, str(ctx.account_id)) as event:
        while True:
            event.clear()
            async with ctx.transaction() as db:
                task = await tasks.claim(db, ctx.account_id, ctx.epoch)
                due = None if task else await tasks.next_due(db, ctx.account_id)
            if task is not None:
                await _do(ctx, task)
                continue
            await event.within(_POLL_SECONDS if due is None else min(_POLL_SECONDS, due + 0.05))


async def _do(ctx: AccountContext, task: AccountTask) -> None:
    try:
        result = await _performed(ctx, task)
    except AssistantError as error:
        await _finish(ctx, task, error=error)
    except Postponed as later:
        await _postpone(ctx, task, later.seconds, counted=False)
    except FloodWaitError as wait:
        await _flooded(ctx, task, wait)
    except (LeaseLost, *ENDED):
        raise
    except Exception as error:  # any bug in one task must not stop the others
        await _failed(ctx, task, error)
    else:
        await _finish(ctx, task, result=result)


async def _performed(ctx: AccountContext, task: AccountTask) -> Result:
    run_task = handler(task.kind)
    if run_task is None:
        raise Invalid("tasks.failed")
    if task.deadline is not None and task.deadline < ctx.rt.clock.now():
        raise Unavailable("tasks.deadline")
    theirs = replace(ctx, for_person=task.kind != TaskKind.log_out)
    async with theirs.transaction():
        pass  # raises NotAllowed: no request to Telegram for a person who has been disabled
    async with asyncio.timeout(_TASK_SECONDS):
        with for_person(task.priority >= _PERSON_WAITS):
            return await run_task(theirs, task)


async def _flooded(ctx: AccountContext, task: AccountTask, wait: FloodWaitError) -> None:
    ours, seconds = isinstance(wait, BudgetSpent), float(wait.seconds)
    log.info("task.budget_spent" if ours else "task.flood_wait", kind=task.kind, seconds=seconds)
    if task.priority < _PERSON_WAITS or seconds <= _PATIENCE or task.kind == TaskKind.log_out:
        await _postpone(ctx, task, seconds, counted=False)
        return
    minutes = max(1, round(seconds / 60))
    if ours:
        error = LimitReached("tasks.budget_spent", retry_after=seconds, minutes=minutes)
    else:
        error = LimitReached("tasks.flood_wait", retry_after=seconds, minutes=minutes)
    await _finish(ctx, task, error=error)


async def _failed(ctx: AccountContext, task: AccountTask, error: Exception) -> None:
    """Postpone a failed task: without limit when offline; otherwise fail it after 5 tries.

    Raises the error if the client is disconnected, to reconnect.
    """
    offline = isinstance(error, (OSError, TimeoutError))
    log.warning("task.failed", kind=task.kind, attempts=task.attempts, exc_info=None if offline else error)
    if task.attempts >= _MAX_ATTEMPTS and not offline:
        await _finish(ctx, task, error=Unavailable("tasks.failed"))
        return
    await _postpone(ctx, task, min(30.0, 2.0 ** min(task.attempts, 5)))
    if offline and not ctx.client.is_connected():
        raise error


async def _finish(
    ctx: AccountContext, task: AccountTask, *, result: Result = None, error: AssistantError | None = None
) -> None:
    async with ctx.transaction() as db:
        await tasks.finish(db, task, epoch=ctx.epoch, result=result, error=error)


async def _postpone(ctx: AccountContext, task: AccountTask, seconds: float, *, counted: bool = True) -> None:
    async with ctx.transaction() as db:
        await tasks.postpone(db, task, seconds, epoch=ctx.epoch, counted=counted)
