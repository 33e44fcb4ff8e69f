"""Steps the ingest tests share: connect a person by QR, look at tables, wait for what has no event."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any
from uuid import UUID

from sqlalchemy.orm import undefer_group
from sqlmodel import select

from sandbox.control import Sandbox
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Login, LoginStatus
from tg_assistant.models.base import SECRETS


async def start(rt: Runtime, actor: Actor) -> logins.Started:
    async with rt.db.transaction(actor.tenant) as db:
        return await logins.start(db, actor, device="test screen")


async def until(
    rt: Runtime, actor: Actor, login_id: UUID, right: Callable[[Login], bool], seconds: float = 90
) -> Login:
    """The attempt as soon as it looks right."""
    async with asyncio.timeout(seconds), aclosing(logins.watch(rt, actor, login_id)) as steps:
        async for login in steps:
            if right(login):
                return login
    async with rt.db.transaction(actor.tenant) as db:
        raise AssertionError(f"ended as {(await logins.status(db, actor, login_id))!r}")


def ended(status: LoginStatus) -> Callable[[Login], bool]:
    return lambda login: login.status == status


async def shown(rt: Runtime, actor: Actor, login_id: UUID) -> str:
    """The code as soon as it is on the screen."""
    login = await until(rt, actor, login_id, lambda row: row.qr_url is not None)
    assert login.qr_url is not None
    return login.qr_url


async def connect(rt: Runtime, sandbox: Sandbox, actor: Actor, who: str = "anna") -> Account:
    """Connect by QR while an ingest runs; the connected account."""
    started = await start(rt, actor)
    sandbox.phone(who).scan(await shown(rt, actor, started.login.id))
    login = await until(rt, actor, started.login.id, ended(LoginStatus.authorized))
    return next(account for account in await all_of(rt, Account) if account.id == login.account_id)


async def all_of(rt: Runtime, model: type) -> list[Any]:
    """Whole rows, secrets included."""
    async with rt.db.transaction() as db:
        return list((await db.exec(select(model).options(undefer_group(SECRETS)))).all())


async def eventually(check: Callable[[], Awaitable[Any] | Any], seconds: float = 90) -> Any:
    """The first truthy value of `check`; polled, because the other side has no event for it."""
    async with asyncio.timeout(seconds):
        while True:
            value = check()
            if found := (await value if isinstance(value, Awaitable) else value):
                return found
            await asyncio.sleep(0.1)


async def forgotten(rt: Runtime) -> bool:
    """No attempt holds a key any more."""
    return not any(login.pending_session for login in await all_of(rt, Login))
