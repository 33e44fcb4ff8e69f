"""One connected account: its client, reader and tasks, until the lease or the Telegram session ends."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NoReturn
from uuid import UUID

import structlog
from telethon import errors
from telethon.tl.functions.updates import GetStateRequest

from ingest import reader, task_loop
from ingest.budget import Budget
from ingest.client import Client, new_client
from ingest.context import AccountContext
from ingest.lease import Lease
from ingest.persistence import persistently
from ingest.session_errors import ENDED, SessionEnded, ended_by
from tg_assistant.core.accounts import accounts, budgets, flood_waits, leases
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.channels import regaining
from tg_assistant.errors import Unavailable
from tg_assistant.infra import metrics
from tg_assistant.infra.crypto import Keyring, SealBroken
from tg_assistant.infra.postgres.db import DatabaseError
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountStatus

log = structlog.get_logger()
_CONNECT_SECONDS = 45.0
_ALIVE_SECONDS = 60.0
_SILENT_SECONDS = 20.0  # without any answer before Telegram is asked whether the session still lives …
_LOOK_SECONDS = 5.0  # … which is checked this often, so that people are told of its end within half a minute
_RETRY_SECONDS = 2.0
_BUDGET_SECONDS = 3.0
_MAX_BACKOFF = 20.0
_LOST_SECONDS = 600.0  # between checks whether a lost channel is due to be looked at


class Serving:
    """Keeps one account connected under its lease; at most one connection at any time."""

    def __init__(self, rt: Runtime, keyring: Keyring, account_id: UUID, lease: Lease) -> None:
        self._rt, self._keyring, self._account_id, self._lease = rt, keyring, account_id, lease

    async def run(self) -> None:
        """Serve the account until it is no longer to be connected. Raises LeaseLost."""
        async with self._rt.db.transaction() as db:
            account = await accounts.read(db, self._account_id)
        if account.status != AccountStatus.connected:
            return
        try:
            session = accounts.open_session(account, self._keyring)
        except SealBroken:
            log.error("account.key_missing", account_id=str(account.id))
            async with self._rt.db.transaction(account.tenant_id) as db:
                await leases.check(db, Account, account.id, self._lease.epoch)
                await accounts.lock_away(db, await accounts.read(db, account.id))
            return
        backoff = 1.0
        while True:
            started = asyncio.get_running_loop().time()
            reason = await self._connected_once(account, session)
            if reason:
                await self._end(account, reason)
                return
            lived = asyncio.get_running_loop().time() - started
            backoff = 1.0 if lived > _ALIVE_SECONDS else min(_MAX_BACKOFF, backoff * 2)
            await asyncio.sleep(backoff)

    async def _end(self, account: Account, reason: str) -> None:
        """Record the end, however long the database is away: connecting again to learn it anew is forbidden.

        Raises LeaseLost.
        """
        while True:
            try:
                async with self._rt.db.transaction(account.tenant_id) as db:
                    await leases.check(db, Account, account.id, self._lease.epoch)
                    await accounts.end(db, await accounts.read(db, account.id), reason)
            except (Unavailable, DatabaseError, OSError) as error:
                log.warning("account.end_not_saved", account_id=str(account.id), error=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    async def _connected_once(self, account: Account, session: bytes) -> str | None:
        """Connect and work until the connection ends. Returns Telegram's reason if the session is over."""
        client = new_client(self._rt.settings, session, left=self._lease.left)
        client.logged_in = True
        try:
            await self._work(account, client)
        except LeaseLost:
            raise
        except Exception as error:  # any error: the account is reconnected after a pause
            reason = client.why_ended() or ended_by(error)
            offline = isinstance(error, (OSError, TimeoutError))
            log.warning(
                "account.disconnected",
                account_id=str(account.id),
                error=type(error).__name__,
                reason=reason,
                exc_info=None if offline or reason else error,
            )
            return reason
        finally:
            await client.close()

    async def _work(self, account: Account, client: Client) -> NoReturn:
        ctx = AccountContext(
            self._rt, account.id, account.tenant_id, account.user_id, client, self._lease.epoch
        )
        await _remember(ctx, client, account)
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect()
        if client.ended_reason:
            raise ConnectionError(client.ended_reason)
        log.info("account.connected", account_id=str(account.id), epoch=ctx.epoch)
        jobs = (
            *(_alive(ctx, client), task_loop.run(ctx), _again("reader", reader.run, ctx)),
            *(_disconnected(client), _over(client), _again("lost_channels", _ask_about_lost, ctx)),
            _save_budget(ctx, client),
        )
        running = [asyncio.create_task(job) for job in jobs]
        metrics.telethon_connected_accounts.inc()
        try:
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise ConnectionError("a part of the account's work ended")
        finally:
            metrics.telethon_connected_accounts.dec()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def _remember(ctx: AccountContext, client: Client, account: Account) -> None:
    """Restore the FLOOD_WAITs and the used budget that earlier processes stored, and store new waits."""
    async with ctx.rt.db.transaction() as db:  # of every tenant that has linked this Telegram account
        left = await flood_waits.left(db, account.telegram_id)
    for method, seconds in left.items():
        client.wait_for(method, seconds)
    async with ctx.transaction() as db:
        spent = await budgets.spent(db, ctx.account_id)
    per_minute, clock = ctx.rt.settings.telegram.requests_per_minute, ctx.rt.clock
    client.budget = Budget(
        lambda: budgets.rates(account.connected_at, clock.now(), per_minute),
        lambda: clock.now().timestamp(),
        spent,
    )

    async def keep(method: str, seconds: int) -> None:
        async with ctx.rt.db.transaction(ctx.tenant_id) as db:  # true of the account whoever owns it
            await flood_waits.keep(db, ctx.account_id, method, seconds)

    client.on_wait = lambda method, seconds: persistently(lambda: keep(method, seconds))


async def _save_budget(ctx: AccountContext, client: Client) -> NoReturn:
    """Store what was used of the budget, for the meter and for the next process."""
    while True:
        await asyncio.sleep(_BUDGET_SECONDS)
        budget = client.budget
        if budget is not None and budget.changed:
            budget.changed = False
            async with ctx.transaction() as db:
                await budgets.save(db, ctx.account_id, budget.spent)


async def _alive(ctx: AccountContext, client: Client) -> NoReturn:
    """Ask Telegram for the account's state when nothing else was asked for a while; update `last_ok_at`.

    Otherwise the end of a quiet account's session would be noticed only with its next request. The lightest
    request there is, and one that reads nothing.
    """
    saved_at = -_ALIVE_SECONDS
    while True:
        with suppress(OSError, errors.FloodWaitError, errors.ServerError, errors.TimedOutError):
            if time.monotonic() - client.answered_at > _SILENT_SECONDS:
                await client.ask(GetStateRequest())
        now = time.monotonic()
        if client.is_connected() and now - saved_at >= _ALIVE_SECONDS:
            saved_at = now
            async with ctx.transaction() as db:
                await accounts.seen_alive(db, ctx.account_id)
        await asyncio.sleep(_LOOK_SECONDS)


async def _over(client: Client) -> NoReturn:
    """Raise SessionEnded as soon as any request was told so: the others must not go on asking."""
    await client.over.wait()
    raise SessionEnded(client.ended_reason or "")


async def _ask_about_lost(ctx: AccountContext) -> NoReturn:
    """Have channels that were lost looked at again once a day; signs that they are open come earlier."""
    while True:
        async with ctx.transaction() as db:
            await regaining.ask_daily(db, ctx.account_id)
        await asyncio.sleep(_LOST_SECONDS)


async def _disconnected(client: Client) -> NoReturn:
    """Raise ConnectionError once Telethon gives up: after a revocation, or several failed reconnects."""
    await client.disconnected
    raise ConnectionError("disconnected")


async def _again(
    name: str, part: Callable[[AccountContext], Awaitable[None]], ctx: AccountContext
) -> NoReturn:
    """Run a part while the connection lasts; restart it after an error, which is logged."""
    while True:
        try:
            await part(ctx)
        except (LeaseLost, *ENDED):
            raise
        except Exception as error:  # the reader must restart after any error of its own
            if not ctx.client.is_connected():
                raise
            log.warning(f"{name}.failed", account_id=str(ctx.account_id), exc_info=error)
        await asyncio.sleep(2)
