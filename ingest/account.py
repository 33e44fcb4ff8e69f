"""One connected account: its client, reader and tasks, until the lease or the Telegram session ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn
from uuid import UUID

import structlog

from ingest import reader, task_loop
from ingest.client import Client, new_client
from ingest.context import AccountContext
from ingest.lease import Lease
from ingest.session_errors import ENDED, ended_by
from tg_assistant.core.accounts import accounts, flood_waits, leases
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.channels import regaining
from tg_assistant.infra import metrics
from tg_assistant.infra.crypto import Keyring, SealBroken
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AccountStatus

log = structlog.get_logger()
_CONNECT_SECONDS = 45.0
_ALIVE_SECONDS = 60.0
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
                async with self._rt.db.transaction(account.tenant_id) as db:
                    await leases.check(db, Account, account.id, self._lease.epoch)
                    await accounts.end(db, await accounts.read(db, account.id), reason)
                return
            lived = asyncio.get_running_loop().time() - started
            backoff = 1.0 if lived > _ALIVE_SECONDS else min(_MAX_BACKOFF, backoff * 2)
            await asyncio.sleep(backoff)

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
        await _remember_waits(ctx, client)
        async with asyncio.timeout(_CONNECT_SECONDS):
            await client.connect()
        if client.ended_reason:
            raise ConnectionError(client.ended_reason)
        log.info("account.connected", account_id=str(account.id), epoch=ctx.epoch)
        jobs = (
            *(_alive(ctx), task_loop.run(ctx), _again("reader", reader.run, ctx), _disconnected(client)),
            _again("lost_channels", _ask_about_lost, ctx),
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


async def _remember_waits(ctx: AccountContext, client: Client) -> None:
    """Restore the FLOOD_WAITs stored by an earlier process, and store new ones."""
    async with ctx.transaction() as db:
        left = await flood_waits.left(db, ctx.account_id)
    for method, seconds in left.items():
        client.wait_for(method, seconds)

    async def keep(method: str, seconds: int) -> None:
        async with ctx.transaction() as db:
            await flood_waits.keep(db, ctx.account_id, method, seconds)

    client.on_wait = keep


async def _alive(ctx: AccountContext) -> NoReturn:
    """Update `last_ok_at` every minute, for the sessions screen."""
    while True:
        if ctx.client.is_connected():
            async with ctx.transaction() as db:
                await accounts.seen_alive(db, ctx.account_id)
        await asyncio.sleep(_ALIVE_SECONDS)


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
