"""Access of an attempt to its login's row, the only means by which pages learn of its progress."""

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
    """A login's row, written under the lease's `epoch`.

    `box` opens passwords sealed to this attempt; `wake` is set when the row may have changed.
    """

    def __init__(self, rt: Runtime, login: Login, epoch: int) -> None:
        self._rt, self.login, self.epoch = rt, login, epoch
        self.box = PasswordBox(login.id)
        self.wake = Hint()

    def transaction(self) -> AbstractAsyncContextManager[Session]:
        """A transaction in the login's tenant."""
        return self._rt.db.transaction(self.login.tenant_id)

    async def pause(self, seconds: float) -> Login:
        """Wait for a hint, `seconds` at most, and return the current row. Raises Over if it has ended."""
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
        """Write values into the row. Raises Over if the attempt has ended."""
        async with self.transaction() as db:
            if not await login_steps.step(db, self.login.id, self.epoch, **values):
                raise Over

    async def end(self, status: LoginStatus, reason: str | None = None) -> None:
        """Write a final status, unless the row has one."""
        async with self.transaction() as db:
            await login_steps.end(db, self.login.id, self.epoch, status, reason)
