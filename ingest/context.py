"""The context of code that works for one account: the runtime, the client and the lease's epoch."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from telethon import TelegramClient

from tg_assistant.core.access import sign_in
from tg_assistant.core.accounts import leases
from tg_assistant.infra.postgres.db import Session
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account


class Postponed(Exception):
    """Raised by a task's handler: run the task again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"postponed for {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True)
class AccountContext:
    """One connected account. Every write for it uses `transaction`.

    `client` raises FloodWaitError for a method that has to wait (nothing is sent until then). Let it and
    connection errors propagate: the callers postpone, reconnect or end the account.
    """

    rt: Runtime
    account_id: UUID
    tenant_id: UUID
    user_id: UUID
    client: TelegramClient
    epoch: int
    for_person: bool = False  # True: writes are refused once the person is disabled or no member

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Session]:
        """A transaction that commits only while this process owns the account.

        Raises LeaseLost, and NotAllowed with `for_person`.
        """
        async with self.rt.db.transaction(self.tenant_id) as db:
            if self.for_person:  # before the account's row: the order in which an erasure locks them
                await sign_in.hold_member(db, self.tenant_id, self.user_id)
            await leases.check(db, Account, self.account_id, self.epoch)
            yield db
