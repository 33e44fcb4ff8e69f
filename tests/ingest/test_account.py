"""A connected account's life: served by one owner at a time, logged out, ended, connected again."""

import asyncio
import base64
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import func, update
from sqlmodel import col

from ingest import task_loop
from ingest.client import new_client
from ingest.context import AccountContext
from ingest.lease import take
from sandbox.control import Sandbox
from sandbox.faults import flood_wait
from tests.ingest.conftest import Ingest, member
from tests.ingest.connecting import all_of, connect, eventually, forgotten
from tg_assistant.core.accounts import accounts, leases, tasks
from tg_assistant.core.accounts.leases import LeaseLost
from tg_assistant.core.actor import Actor
from tg_assistant.errors import NotFound
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountTask,
    AuditEvent,
    ChannelAccess,
    Dialog,
    MethodWait,
    Notification,
    Tenant,
)


async def the_account(rt: Runtime) -> Account:
    (account,) = await all_of(rt, Account)
    return account


async def listed(rt: Runtime) -> bool:
    return bool(await all_of(rt, Dialog))


async def test_logging_out_ends_the_session_at_telegram_too(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The phone no longer lists the session, the key is destroyed, the list of channels is gone."""
    async with ingest.running():
        account = await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
        assert await accounts.disconnect(ingest_rt, anna, account.id, seconds=30)
    assert sandbox.phone("anna").sessions() == []
    account = await the_account(ingest_rt)
    assert (account.status, account.sealed_session) == ("logged_out", None)
    assert await all_of(ingest_rt, Dialog) == await all_of(ingest_rt, ChannelAccess) == []
    assert "account.logged_out" in [event.action for event in await all_of(ingest_rt, AuditEvent)]
    async with ingest_rt.db.transaction(anna.tenant) as db:
        assert await accounts.list_(db, anna) == []


async def test_logging_out_while_telegram_is_away_is_kept_up(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The person is told it is pending; the key stays until Telegram has heard of it."""
    async with ingest.running():
        account = await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
        await sandbox.unreachable()
        assert not await accounts.disconnect(ingest_rt, anna, account.id, seconds=1)
        assert (await the_account(ingest_rt)).sealed_session is not None
        await sandbox.reachable()

        async def logged_out() -> bool:
            return (await the_account(ingest_rt)).status == "logged_out"

        await eventually(logged_out, 60)
    assert sandbox.phone("anna").sessions() == []


@pytest.mark.parametrize("error", ["SESSION_REVOKED", "AUTH_KEY_DUPLICATED", "USER_DEACTIVATED"])
async def test_an_ended_session_is_told_and_left_alone(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, error: str
) -> None:
    """Telegram ends it: the account says why, the key is destroyed, the person gets a message."""
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
        sandbox.revoke("anna", error)

        async def is_ended() -> bool:
            return (await the_account(ingest_rt)).status == "ended"

        await eventually(is_ended, 60)
    account = await the_account(ingest_rt)
    assert account.sealed_session is None
    assert account.ended_reason
    codes = [note.code for note in await all_of(ingest_rt, Notification)]
    assert codes == ["account.connected", "account.ended"]


async def test_connecting_again_leaves_one_session(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """A second scan replaces the first: the row is used again, and the old session is logged out."""
    async with ingest.running():
        first = await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
        (old,) = sandbox.phone("anna").sessions()
        second = await connect(ingest_rt, sandbox, anna)
        assert second.id == first.id
        await eventually(lambda: forgotten(ingest_rt), 60)
        (left,) = sandbox.phone("anna").sessions()
        assert left.id != old.id


async def test_a_killed_owner_is_replaced_within_the_lease(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """A lease left behind is taken over once it has run out, under a new epoch."""
    async with ingest.running():
        account = await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
    dead = await take(ingest_rt.db, Account, account.id, "dead")
    assert dead is not None
    until = (await the_account(ingest_rt)).lease_until
    assert until is not None
    async with ingest.running():

        async def taken_over() -> bool:
            return (await the_account(ingest_rt)).lease_owner not in ("dead", None)

        await eventually(taken_over)
        assert datetime.now(UTC) >= until
        assert (await the_account(ingest_rt)).lease_epoch > dead.epoch


async def test_a_task_in_hand_survives_its_connection(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """What was claimed when the connection broke is done by the next one, under the same lease."""
    async with ingest.running():
        account = await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
    lease = await take(ingest_rt.db, Account, account.id, "a connection that broke")
    assert lease is not None
    async with ingest_rt.db.transaction(anna.tenant) as db:
        in_hand = await tasks.add(db, account.id, "of no known kind")
    async with ingest_rt.db.transaction(anna.tenant) as db:
        assert await tasks.claim(db, account.id, lease.epoch) is not None
        assert await tasks.claim(db, account.id, lease.epoch) is None
    client = new_client(ingest.settings, None, left=lease.left)
    ctx = AccountContext(ingest_rt, account.id, account.tenant_id, anna.user_id, client, lease.epoch)
    again = asyncio.create_task(task_loop.run(ctx))
    task = await tasks.wait(ingest_rt, anna, in_hand.id, seconds=60)
    again.cancel()
    assert task is not None and task.error == "tasks.failed"
    assert task.attempts == 1  # that the connection broke was not the task's fault


async def test_a_session_whose_key_is_missing_is_told_kept_and_comes_back(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Under another key nothing opens: the person is told once. With the right key back it goes on."""
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
    async with with_another_key(ingest).running():

        async def ended() -> bool:
            return (await the_account(ingest_rt)).status == "ended"

        await eventually(ended)
        await asyncio.sleep(3)  # it is not tried again and again
    codes = [owed.code for owed in await all_of(ingest_rt, Notification)]
    assert codes == ["account.connected", "account.key_missing"]
    assert (await the_account(ingest_rt)).sealed_session is not None
    async with ingest.running():
        await eventually(lambda: served(ingest_rt))


async def test_a_session_whose_key_is_missing_can_be_replaced(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The old key opens nothing, which must not stop the person from connecting again."""
    async with ingest.running():
        first = await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
    async with with_another_key(ingest).running():
        second = await connect(ingest_rt, sandbox, anna)
        assert (second.id, second.status) == (first.id, "connected")
        await eventually(lambda: served(ingest_rt))


def with_another_key(ingest: Ingest) -> Ingest:
    key = SecretStr(base64.b64encode(b"k" * 32).decode())
    security = ingest.settings.security.model_copy(update={"session_crypto_key": key})
    return Ingest(ingest.settings.model_copy(update={"security": security}))


async def served(rt: Runtime) -> bool:
    account = await the_account(rt)
    return account.status == "connected" and account.lease_owner is not None


async def test_two_processes_never_hold_one_account(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Two supervisors run side by side; the sandbox sees no second connection on the key."""
    async with ingest.running(), ingest.running():
        await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: listed(ingest_rt))
        sandbox.drop_connections()
        await asyncio.sleep(2)
        assert list(sandbox.violations) == []
        assert (await the_account(ingest_rt)).lease_owner is not None


async def test_a_flood_wait_is_remembered(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """The list is asked for once, then after the wait; the wait stands in the database meanwhile."""
    sandbox.fail("messages.getDialogs", flood_wait(3))
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna)

        async def waiting() -> bool:
            return bool(await all_of(ingest_rt, MethodWait))

        await eventually(waiting)
        await eventually(lambda: listed(ingest_rt))
    (task,) = [task for task in await all_of(ingest_rt, AccountTask) if task.kind == "dialogs"]
    assert (task.error, task.done_at is not None) == (None, True)


async def test_nobody_elses_account_can_be_logged_out(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, tenant: Tenant
) -> None:
    """Max asks for Anna's account and her task: as if neither existed."""
    max_ = await member(ingest_rt, sandbox, tenant, "max")
    async with ingest.running():
        account = await connect(ingest_rt, sandbox, anna)
    with pytest.raises(NotFound):
        await accounts.disconnect(ingest_rt, max_, account.id)
    async with ingest_rt.db.transaction(tenant.id) as db:
        task = await tasks.add(db, account.id, "dialogs")
    with pytest.raises(NotFound):
        await tasks.wait(ingest_rt, max_, task.id)


async def test_writes_of_an_old_epoch_are_refused(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Once somebody else owns the row, the former owner's transaction, renewal and task fail."""
    async with ingest.running():
        account = await connect(ingest_rt, sandbox, anna)
    # ingest gives the lease back when it ends, or it runs out a little later
    old = await eventually(lambda: take(ingest_rt.db, Account, account.id, "old"))
    assert await take(ingest_rt.db, Account, account.id, "new") is None
    async with ingest_rt.db.transaction() as db:
        task = await tasks.add(db, account.id, "dialogs")
        claimed = await tasks.claim(db, account.id, old.epoch)
        assert claimed is not None
        past = func.now() - func.make_interval(0, 0, 0, 0, 0, 1)
        await db.exec(update(Account).where(col(Account.id) == account.id).values(lease_until=past))
    new = await take(ingest_rt.db, Account, account.id, "new")
    assert new is not None
    for write in (leases.check, leases.renew):
        with pytest.raises(LeaseLost):
            async with ingest_rt.db.transaction() as db:
                await write(db, Account, account.id, old.epoch)
    async with ingest_rt.db.transaction() as db:
        assert (await tasks.claim(db, account.id, new.epoch)) is not None
    with pytest.raises(LeaseLost):
        async with ingest_rt.db.transaction() as db:
            await tasks.finish(db, task, epoch=old.epoch)
