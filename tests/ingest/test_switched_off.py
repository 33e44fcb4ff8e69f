"""Somebody switched off, or removed, while their account is at work: nothing comes of it any more."""

import pytest
from sqlmodel import col, delete, update

from sandbox.control import Sandbox
from tests.ingest.conftest import Ingest
from tests.ingest.connecting import all_of, connect, eventually
from tests.servers import all_tenants
from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import (
    Account,
    AccountTask,
    AuditEvent,
    Channel,
    ChannelAccess,
    Dialog,
    Membership,
    Post,
    Subscription,
)

SLOW = {
    "resolve": "channels.getChannels",
    "dialogs": "messages.getDialogs",
    "history": "messages.getHistory",
}
ENDED = {"switched off": "access.disabled", "removed": "access.no_membership"}


async def end(rt: Runtime, anna: Actor, how: str) -> None:
    """By whatever way: the row is what counts."""
    mine = col(Membership.user_id) == anna.user_id
    async with all_tenants(rt) as db:
        statement = update(Membership).where(mine).values(disabled=True)
        await db.exec(delete(Membership).where(mine) if how == "removed" else statement)


async def followed(rt: Runtime, account: Account, listed: Dialog) -> Channel:
    """A channel of the account's list, of which nothing has been read yet; nobody is told."""
    ids = {"tenant_id": account.tenant_id}
    channel = Channel(telegram_id=listed.telegram_id, title="Kept", username=listed.username, **ids)
    async with rt.db.transaction(account.tenant_id) as db:
        db.add(channel)
        await db.flush()
        ids |= {"user_id": account.user_id, "channel_id": channel.id}
        db.add(Subscription(**ids))
        db.add(ChannelAccess(account_id=account.id, access_hash=listed.access_hash, **ids))
    return channel


async def row_of(rt: Runtime, task: AccountTask) -> AccountTask:
    return next(one for one in await all_of(rt, AccountTask) if one.id == task.id)


@pytest.mark.parametrize("when", ["before", "in the middle"])
@pytest.mark.parametrize("how", ENDED)
@pytest.mark.parametrize("kind", SLOW)
async def test_a_task(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, kind: str, how: str, when: str
) -> None:
    """What Telegram answers is dropped, the task ends with the reason, and no more is asked."""
    async with ingest.running():
        account = await connect(ingest_rt, sandbox, anna)
        listed = await eventually(lambda: all_of(ingest_rt, Dialog))
        before = {one.title for one in listed}
        channel = await followed(ingest_rt, account, listed[0])
        args = {"resolve": {"username": "lumsk_news"}, "history": {"channel_id": str(channel.id)}}
        sandbox.delay(SLOW[kind], 2.0)
        if when == "before":
            await end(ingest_rt, anna, how)
        async with ingest_rt.db.transaction(anna.tenant) as db:
            task = await tasks.add(db, account.id, kind, args.get(kind))

        async def in_hand() -> bool:
            return (await row_of(ingest_rt, task)).claimed_epoch is not None

        async def done() -> bool:
            return (await row_of(ingest_rt, task)).done_at is not None

        await eventually(in_hand)
        if when == "in the middle":
            await end(ingest_rt, anna, how)
        await eventually(done)
    assert (await row_of(ingest_rt, task)).error == ENDED[how]
    assert [one.title for one in await all_of(ingest_rt, Channel)] == ["Kept"]
    assert await all_of(ingest_rt, Post) == []
    assert {one.title for one in await all_of(ingest_rt, Dialog)} == before
    assert "channel.follow" not in [one.action for one in await all_of(ingest_rt, AuditEvent)]
