"""Whoever loses rights is told of at once, by whichever way they lose them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, delete, update

from tests.people import member, tenant
from tg_assistant.core import access, erasure, members, rights, sessions
from tg_assistant.errors import NotAllowed, SignInNeeded
from tg_assistant.models import AppSession, Membership, Role, Tenant

_next = iter(range(7_700_000, 7_800_000))


async def ended(rt, _, anna, session):
    async with rt.db.transaction(anna.tenant_id) as db:
        await sessions.end(db, anna, session.id)


async def token_stolen(rt, _, anna, session):
    now = datetime.now(UTC)
    for later in (0, 60):
        try:
            async with rt.db.transaction(anna.tenant_id) as db:
                await sessions.refresh(db, session.refresh_token, now=now + timedelta(seconds=later))
        except SignInNeeded:
            return


async def ran_out(rt, _, anna, session):
    async with rt.db.transaction() as db:
        over = update(AppSession).where(col(AppSession.id) == session.id)
        await db.exec(over.values(expires_at=datetime.now(UTC)))


async def disabled(rt, owner, anna, _):
    async with rt.db.transaction(owner.tenant_id) as db:
        await members.change(db, owner, anna.user_id, version=1, disabled=True)


async def lowered(rt, owner, anna, _):
    async with rt.db.transaction(owner.tenant_id) as db:
        await members.change(db, owner, anna.user_id, version=1, role=Role.user)


async def removed(rt, owner, anna, _):
    async with rt.db.transaction(owner.tenant_id) as db:
        await db.exec(delete(Membership).where(col(Membership.user_id) == anna.user_id))


async def erased(rt, _, anna, __):
    await erasure.erase(rt, anna)


async def group_gone(rt, owner, _, __):
    async with rt.db.transaction(owner.tenant_id) as db:
        await db.exec(delete(Tenant).where(col(Tenant.id) == owner.tenant_id))


@pytest.mark.parametrize(
    "loss", [ended, token_stolen, ran_out, disabled, lowered, removed, erased, group_gone]
)
async def test_every_loss_is_told_and_seen_at_once(rt, loss):
    """A process that waits for this person's rights wakes within a second, and `check` then refuses."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner = await member(db, where, next(_next), Role.owner)
        anna = await member(db, where, next(_next), Role.admin)
        session = await sessions.start(db, anna.user_id, device="x", now=datetime.now(UTC))
    async with rt.db.transaction() as db:
        anna = await access.by_session(db, session.id)
    async with rt.events.listening(rights.TOPIC, str(anna.user_id)) as told:
        await rights.check(rt, anna)
        told.clear()
        await loss(rt, owner, anna, session)
        async with asyncio.timeout(5):
            await told.wait()
        with pytest.raises((SignInNeeded, NotAllowed)):
            await rights.check(rt, anna)


async def test_what_takes_no_right_tells_nothing(rt):
    """Being seen, another person's loss, a changed plan: no open page is disturbed."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner = await member(db, where, next(_next), Role.owner)
        anna, max_ = [await member(db, where, next(_next)) for _ in range(2)]
        session = await sessions.start(db, anna.user_id, device="x", now=datetime.now(UTC))
    async with rt.events.listening(rights.TOPIC, str(anna.user_id)) as told:
        await rights.check(rt, anna)
        told.clear()
        async with rt.db.transaction(owner.tenant_id) as db:
            await sessions.resume(db, session.resume_secret)
            await members.change(db, owner, anna.user_id, version=1, plan="plus")
            await members.change(db, owner, max_.user_id, version=1, disabled=True)
        await asyncio.sleep(0.5)
        assert not told.is_set()
