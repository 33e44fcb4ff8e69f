"""Takes leases on logins and accounts and runs their work, until the process is stopped."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn
from uuid import UUID

import structlog

from ingest import job_worker, rotation
from ingest.account import Serving
from ingest.lease import EvenClock, Lease, take
from ingest.login import Attempt
from tg_assistant.core import health
from tg_assistant.core.accounts import accounts, login_steps
from tg_assistant.core.accounts.leases import Leased, LeaseLost
from tg_assistant.core.names import Topic
from tg_assistant.errors import Unavailable
from tg_assistant.infra.crypto import Keyring
from tg_assistant.infra.health import database_answers, serve_health
from tg_assistant.infra.postgres.db import DatabaseError, Session
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Login, LoginStatus
from tg_assistant.settings.load import session_keys

log = structlog.get_logger()
_POLL_SECONDS = 1.0
_STUCK_SECONDS = 15.0
_BEAT_SECONDS = 5.0
_SPREAD_SECONDS = 0.02  # delay per row already owned, so that the process with the fewest takes the next one
_RESTART_SECONDS = 2.0

Waiting = Callable[[Session], Awaitable[list[UUID]]]
Start = Callable[[UUID, Lease], Coroutine[Any, Any, None]]


class Supervisor:
    """Runs all work of a process. Its owner id is new at each start: old leases are never taken for ours."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        security = rt.settings.security
        self._keyring = Keyring(session_keys(security), lambda: session_keys(security))
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._owned: dict[UUID, asyncio.Task[None]] = {}
        self._looked_at: dict[str, float] = {}
        self._clock = EvenClock()
        self._beat_at = -_BEAT_SECONDS

    async def run(self) -> None:
        """Run until cancelled; then disconnect every account and release every lease."""
        log.info("ingest.start", owner=self._owner)
        at = self._rt.settings
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lease(Login, Topic.login, login_steps.waiting, self._attempt))
                group.create_task(self._lease(Account, Topic.account, accounts.waiting, self._serve))
                group.create_task(rotation.run(self._rt, self._keyring))
                group.create_task(_restarting("worker", lambda: job_worker.run(self._rt)))
                if at.health_port:
                    live = self._rt.pulse.live
                    serving = serve_health(at.health_port, self._health, live=live, host=at.health_host)
                    group.create_task(serving)
        finally:
            await self._stop()

    async def _stop(self) -> None:
        owned = list(self._owned.values())
        for task in owned:
            task.cancel()
        await asyncio.gather(*owned, return_exceptions=True)
        log.info("ingest.stop", released=len(owned))

    async def _health(self) -> dict[str, bool]:
        now = asyncio.get_running_loop().time()
        fresh = [now - at < _STUCK_SECONDS for at in self._looked_at.values()]
        leases = len(fresh) == 2 and all(fresh)
        if not await database_answers(self._rt.db):
            return {"database": False, "leases": leases}
        return {"database": True, "leases": leases, **await health.ingest_keeps_up(self._rt)}

    async def _lease(self, model: Leased, topic: str, waiting: Waiting, start: Start) -> NoReturn:
        """Take rows without an owner, at a notification or at the next poll, and start their work."""
        async with self._rt.events.listening(topic) as event:
            while True:
                event.clear()
                try:
                    async with self._rt.db.transaction() as db:
                        await self._clock.trust(db)  # every second, so that a jump is noticed at once
                        found = await waiting(db)
                    await self._looked(topic)
                    for row_id in found:
                        await self._take(model, row_id, start)
                        await self._looked(
                            topic
                        )  # taking a hundred lasts longer than the health check allows
                except (Unavailable, DatabaseError, OSError) as error:
                    log.warning("leases.unavailable", topic=topic, error=type(error).__name__)
                await event.within(_POLL_SECONDS)

    async def _looked(self, topic: str) -> None:
        """Record the poll for our own health check and, every 5 s, for that of web."""
        now = self._looked_at[topic] = asyncio.get_running_loop().time()
        if now - self._beat_at >= _BEAT_SECONDS:
            self._beat_at = now
            async with self._rt.db.transaction() as db:
                await health.ingest_is_at_work(db)

    async def _take(self, model: Leased, row_id: UUID, start: Start) -> None:
        if row_id in self._owned:
            return
        await asyncio.sleep(min(0.5, _SPREAD_SECONDS * len(self._owned)))
        lease = await take(self._rt.db, model, row_id, self._owner, self._clock)
        if lease is None:
            return
        task = asyncio.create_task(self._own(row_id, lease, start))
        self._owned[row_id] = task
        task.add_done_callback(lambda _: self._owned.pop(row_id, None))

    async def _own(self, row_id: UUID, lease: Lease, start: Start) -> None:
        """Run one row's work under its lease; its errors do not affect other rows."""
        try:
            await lease.during(start(row_id, lease))
        except LeaseLost:
            log.warning("lease.lost", row=str(row_id))
        except Exception:  # errors of one account must not affect the others; it is taken again later
            log.exception("lease.failed", row=str(row_id))
            await asyncio.sleep(_RESTART_SECONDS)

    async def _serve(self, account_id: UUID, lease: Lease) -> None:
        await Serving(self._rt, self._keyring, account_id, lease).run()

    async def _attempt(self, login_id: UUID, lease: Lease) -> None:
        async with self._rt.db.transaction() as db:
            login = await login_steps.read(db, login_id)
        attempt = Attempt(self._rt, self._keyring, login, lease)
        try:
            await attempt.run()
        except (LeaseLost, Unavailable, DatabaseError):
            raise
        except Exception:  # the person must see the attempt end; a later attempt on the row logs the key out
            await attempt.row.end(LoginStatus.failed, "internal")
            raise


async def _restarting(name: str, work: Callable[[], Awaitable[None]]) -> NoReturn:
    while True:
        try:
            await work()
        except Exception:  # it must run as long as the process: log and restart
            log.exception(f"{name}.failed")
        await asyncio.sleep(_RESTART_SECONDS)
