"""The row of one login, as its attempt reads and writes it; the page and the phone see nothing else."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from tg_assistant.core.accounts import login_steps
from tg_assistant.infra.crypto import PasswordBox
from tg_assistant.infra.postgres.db import Session
from tg_assistant.infra.postgres.events import Hint
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login, LoginStatus


class Over(Exception):
    """The attempt has reached a final status."""


class LoginRow:
    """Written under the lease's `epoch`. `box` opens passwords sealed to this attempt; `wake` is a hint."""

    def __init__(self, rt: Runtime, login: Login, epoch: int) -> None:
        self._rt, self.login, self.epoch = rt, login, epoch
        self.box = PasswordBox(login.id)
        self.wake = Hint()

    def transaction(self) -> AbstractAsyncContextManager[Session]:
        """A transaction of the login's tenant."""
        return self._rt.db.transaction(self.login.tenant_id)

    async def pause(self, seconds: float) -> Login:
        """Wait for a hint or so many seconds; the row as it then is. Raises Over when it has ended."""
        await self.wake.within(seconds)
        self.wake.clear()
        row = await self.read()
        if LoginStatus(row.status).final:
            raise Over
        return row

    async def read(self) -> Login:
        async with self.transaction() as db:
            return await login_steps.read(db, self.login.id)

    async def write(self, **values: Any) -> None:
        """Raises Over when it has ended."""
        async with self.transaction() as db:
            if not await login_steps.step(db, self.login.id, self.epoch, **values):
                raise Over

    async def end(self, status: LoginStatus, reason: str | None = None) -> None:
        """Write a final status, unless there is one."""
        async with self.transaction() as db:
            await login_steps.end(db, self.login.id, self.epoch, status, reason)
