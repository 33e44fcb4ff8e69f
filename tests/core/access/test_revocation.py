"""Whoever loses rights is told of at once, by whichever way they lose them."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from sqlmodel import col, delete, select, update

from tests.attacks import losses
from tests.people import member, tenant
from tg_assistant.core.access import revocation, sessions, sign_in
from tg_assistant.core.answers import showing
from tg_assistant.core.channels import channels, following
from tg_assistant.core.group import members
from tg_assistant.core.names import Topic
from tg_assistant.core.privacy import erasure
from tg_assistant.errors import NotAllowed, SignInNeeded
from tg_assistant.models import Account, AppSession, ChannelAccess, Membership, Role, Tenant

_next = iter(range(7_700_000, 7_800_000))


async def ended(rt, _, anna, session):
    async with rt.db.transaction(anna.tenant_id) as db:
        await sessions.end(db, anna, session.id)


async def token_stolen(rt, _, anna, session):
    now = datetime.now(UTC)
    for later in (0, 60):
        async with rt.db.transaction(anna.tenant_id) as db:
            with suppress(SignInNeeded):  # the door commits the ending, too
                await sessions.refresh(db, session.refresh_token, now=now + timedelta(seconds=later))


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
        anna = await sign_in.by_session(db, session.id)
    async with rt.events.listening(Topic.rights, str(anna.user_id)) as told:
        await revocation.check(rt, anna)
        told.clear()
        await loss(rt, owner, anna, session)
        async with asyncio.timeout(5):
            await told.wait()
        with pytest.raises((SignInNeeded, NotAllowed)):
            await revocation.check(rt, anna)


@pytest.mark.parametrize(
    "loss", [losses.left, losses.kicked, losses.made_private, losses.logged_out, losses.switched_off]
)
async def test_every_lost_channel_is_told_and_seen_at_once(rt, loss):
    """As a lost right is: what rests on the channel is refused, and who waits for such a hint wakes."""
    one = await losses.reader(rt, next(_next), public=loss is losses.made_private)
    places = [(one.channel.id, "https://t.me/news/1")]
    async with rt.events.listening(Topic.rights, str(one.actor.user_id)) as told:
        assert (await showing.check(rt, one.actor, places)).user_id == one.actor.user_id
        told.clear()
        await loss(one)
        async with asyncio.timeout(5):
            await told.wait()
        if loss is losses.left:  # a public one stays shown: nothing was taken
            places = [(one.channel.id, "https://t.me/c/1/1")]
        with pytest.raises(NotAllowed, match=r"answers\.withheld"):
            await showing.check(rt, one.actor, places)


async def test_a_public_channel_no_longer_followed_is_no_loss(rt):
    """Answers from it stay in the history: anybody can read it in Telegram."""
    one = await losses.reader(rt, next(_next), public=True)
    await losses.left(one)
    places = [(one.channel.id, f"https://t.me/{one.channel.username}/1")]
    assert await showing.check(rt, one.actor, places)
    async with rt.db.transaction(one.actor.tenant) as db:
        assert await channels.readable_ids(db, one.actor) == []
    await losses.purged(one)
    assert await showing.check(rt, one.actor, places)


async def test_a_loss_is_undone_by_access_alone(rt):
    """A public channel they were banned from is not theirs without an account; with one that may, it is."""
    one = await losses.reader(rt, next(_next), public=True)
    await losses.banned_and_logged_out(one)
    async with rt.db.transaction(one.actor.tenant) as db:
        assert await channels.readable_ids(db, one.actor) == []
        kept = select(ChannelAccess.access_hash).where(ChannelAccess.user_id == one.actor.user_id)
        assert (await db.exec(kept)).all() == [0]
        await following.grant(db, await db.get_one(Account, one.account.id), one.channel.id, 5)
    assert await showing.check(rt, one.actor, [(one.channel.id, "https://t.me/news/1")])


async def test_access_seen_again_tells_nothing(rt):
    """Each reading of an account's list writes all its channels down anew; a loss among them is told."""
    one = await losses.reader(rt, next(_next))
    async with rt.events.listening(Topic.rights, str(one.actor.user_id)) as told:
        await revocation.check(rt, one.actor)
        told.clear()
        async with rt.db.transaction(one.actor.tenant) as db:
            await following.grant(db, await db.get_one(Account, one.account.id), one.channel.id, 7)
        await asyncio.sleep(0.5)
        assert not told.is_set()
        await losses.kicked(one)
        async with asyncio.timeout(5):
            await told.wait()


@pytest.mark.parametrize("walked", [True, False])
async def test_what_is_refused_is_walked_on_where_its_caller_says_so(walked):
    """To its end, unseen; what it fails of there is told without a caller's words. Or it ends at once."""
    seen, refused = list[int](), asyncio.Event()

    async def items():
        for n in range(3):
            seen.append(n)
            yield n
            await refused.wait()
            await asyncio.sleep(0.01)  # whoever is ended is not there any more
        raise RuntimeError(f"{losses.QUESTION} {n}")

    async def allowed():
        if seen:
            refused.set()
            raise NotAllowed(showing.WITHHELD)

    look = asyncio.Event()
    with structlog.testing.capture_logs() as lines:
        with pytest.raises(NotAllowed):
            async for _ in revocation.while_allowed(items(), allowed, look, walk_on=lambda _: walked):
                look.set()
        async with asyncio.timeout(5):
            while walked and not lines:  # noqa: ASYNC110 - the log sets no event
                await asyncio.sleep(0.01)
    assert seen == ([0, 1, 2] if walked else [0])
    assert [line["event"] for line in lines] == ["items.unseen_failed"] * walked
    assert losses.QUESTION not in repr(lines)


async def test_what_takes_no_right_tells_nothing(rt):
    """Being seen, another person's loss, a changed plan: no open page is disturbed."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner = await member(db, where, next(_next), Role.owner)
        anna, max_ = [await member(db, where, next(_next)) for _ in range(2)]
        session = await sessions.start(db, anna.user_id, device="x", now=datetime.now(UTC))
    async with rt.events.listening(Topic.rights, str(anna.user_id)) as told:
        await revocation.check(rt, anna)
        told.clear()
        async with rt.db.transaction(owner.tenant_id) as db:
            await sessions.resume(db, session.resume_secret)
            await members.change(db, owner, anna.user_id, version=1, plan="plus")
            await members.change(db, owner, max_.user_id, version=1, disabled=True)
        await asyncio.sleep(0.5)
        assert not told.is_set()
