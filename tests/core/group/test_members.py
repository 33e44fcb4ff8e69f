"""Roles, plans and access within a group: nobody rises by themselves, and the last owner stays."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from tests.followed import account, follow, found
from tests.people import member, person, tenant
from tg_assistant.core import plans
from tg_assistant.core.access import sessions, sign_in
from tg_assistant.core.accounts import logins
from tg_assistant.core.answers import answers
from tg_assistant.core.group import invites, members, profiles
from tg_assistant.errors import (
    Conflict,
    Invalid,
    InviteSpent,
    LimitReached,
    NotAllowed,
    NotFound,
    SignInNeeded,
)
from tg_assistant.infra.postgres.db import set_tenant
from tg_assistant.models import AuditEvent, Membership, Role

_ids = itertools.count(79_000)


def new_id() -> int:
    return next(_ids)


async def version_of(db, actor):
    query = select(Membership.version).where(Membership.user_id == actor.user_id)
    return (await db.exec(query)).one()


async def test_a_change_holds_from_the_next_request_on_and_is_written_down(rt):
    """Role and plan are read anew each time; the trail says who changed what."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        owner, anna = await member(db, friends, 7001, Role.owner), await member(db, friends, 7002)
        changed = await members.change(db, owner, anna.user_id, version=1, role=Role.admin, plan="plus")
        assert changed.membership.version == 2
    async with rt.db.transaction() as db:
        now = await sign_in.actor(db, anna.user_id, door="test")
        assert (now.role, now.plan) == (Role.admin, "plus")
        lines = await db.exec(select(AuditEvent).where(AuditEvent.subject == str(anna.user_id)))
        line = next(one for one in lines if one.action == "member.change")
        assert line.user_id == owner.user_id and line.detail == {"role": "admin", "plan": "plus"}


async def test_a_lost_update_is_refused_with_the_version_to_use(rt):
    """Who changes what they have not seen is told to look again; nothing is changed."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin, max_ = await member(db, friends, 7003, Role.admin), await member(db, friends, 7004)
        await members.change(db, admin, max_.user_id, version=1, plan="plus")
        with pytest.raises(Conflict) as refused:
            await members.change(db, admin, max_.user_id, version=1, disabled=True)
        assert refused.value.code == "members.changed" and refused.value.values == {"version": 2}
        assert not (await members.get(db, admin, max_.user_id)).membership.disabled


async def test_nobody_rises_by_themselves_or_touches_those_above(rt):
    """An admin makes no owner, not of themselves either, and leaves owners alone; a user changes nobody."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        owner = await member(db, friends, 7005, Role.owner)
        admin, plain = await member(db, friends, 7006, Role.admin), await member(db, friends, 7007)
        for who in (admin, plain):
            with pytest.raises(NotAllowed, match="make_owner"):
                await members.change(db, admin, who.user_id, version=1, role=Role.owner)
        for change in ({"role": Role.user}, {"disabled": True}, {"plan": "plus"}):
            with pytest.raises(NotAllowed, match="above_you"):
                await members.change(db, admin, owner.user_id, version=1, **change)
        with pytest.raises(NotAllowed, match="role"):
            await members.change(db, plain, plain.user_id, version=1, role=Role.admin)
        with pytest.raises(NotAllowed, match="self_disable"):
            await members.change(db, admin, admin.user_id, version=1, disabled=True)
        with pytest.raises(NotAllowed, match="above_you"):
            await profiles.set_language(db, admin, owner.telegram_id, "ru")


async def test_the_last_owner_stays(rt):
    """They cannot step down or be switched off before somebody else is an owner."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        owner, heir = await member(db, friends, 7008, Role.owner), await member(db, friends, 7009)
        with pytest.raises(NotAllowed, match="last_owner"):
            await members.change(db, owner, owner.user_id, version=1, role=Role.user)
        await members.change(db, owner, heir.user_id, version=1, role=Role.owner)
        await members.change(db, owner, owner.user_id, version=1, role=Role.user)
        heir = await sign_in.actor(db, heir.user_id, door="test")
        with pytest.raises(NotAllowed, match="last_owner"):
            await members.change(db, heir, heir.user_id, version=2, role=Role.admin)


async def test_two_owners_who_demote_each_other_at_once_leave_one(rt):
    """Rights are read behind a lock: in ten races there is always exactly one owner left."""
    for round_ in range(10):
        async with rt.db.transaction() as db:
            friends = await tenant(db)
            pair = [await member(db, friends, 7100 + 2 * round_ + n, Role.owner) for n in range(2)]

        async def demote(by, whom):
            try:
                async with rt.db.transaction(by.tenant) as db:
                    await members.change(db, by, whom.user_id, version=1, role=Role.user)
            except NotAllowed:
                return 0
            return 1

        done = await asyncio.gather(demote(*pair), demote(*reversed(pair)))
        assert sum(done) == 1
        async with rt.db.transaction(friends.id) as db:
            left = select(Membership).where(Membership.tenant_id == friends.id, Membership.role == Role.owner)
            assert len((await db.exec(left)).all()) == 1


async def test_an_invite_made_the_moment_its_maker_is_demoted(rt):
    """Demotion waits for the invite and revokes it; one begun after it makes none."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner, admin = await member(db, where, 331, Role.owner), await member(db, where, 332, Role.admin)

    async def demote():
        async with rt.db.transaction(where.id) as db:
            await members.change(db, owner, admin.user_id, version=1, role=Role.user)

    async with rt.db.transaction(where.id) as db:
        invite = await invites.create(db, admin, role=Role.admin)
        demotion = asyncio.create_task(demote())
        done, _ = await asyncio.wait({demotion}, timeout=0.5)
        assert not done
    await demotion
    async with rt.db.transaction(where.id) as db:
        assert not (await invites.get(db, owner, invite.code)).active
        with pytest.raises(NotAllowed):
            await invites.create(db, admin, role=Role.admin)


async def test_switching_somebody_off_signs_them_out(rt):
    """Sessions end at once and the person is no actor any more; switched on, they have to sign in again."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin, kim = await member(db, friends, 7010, Role.admin), await member(db, friends, 7011)
        session = await sessions.start(db, kim.user_id, device="x", now=rt.clock.now())
        await members.change(db, admin, kim.user_id, version=1, disabled=True)
        with pytest.raises(NotAllowed, match="disabled"):
            await sign_in.actor(db, kim.user_id, door="test")
        await members.change(db, admin, kim.user_id, version=2, disabled=False)
        assert (await sign_in.actor(db, kim.user_id, door="test")).role is Role.user
        with pytest.raises(SignInNeeded):
            await sessions.resume(db, session.resume_secret)


async def test_who_is_switched_off_connects_no_account(rt):
    """The second screen's page is gone with its code, and no password is taken; a neighbour's goes on."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        owner = await member(db, friends, 7615, Role.owner)
        anna, max_ = await member(db, friends, 7616), await member(db, friends, 7617)
        pages = []
        for who in (anna, max_):
            started = await logins.start(db, who, device="x", ttl=600)
            page, login = await logins.spend(db, started.link_token)
            login.status, login.qr_url, login.password_key = (
                "password_required",
                "tg://login?token=x",
                b"k" * 32,
            )
            db.add(login)
            pages.append(page)
        await db.flush()
        await members.change(db, owner, anna.user_id, version=1, disabled=True)
        over = await logins.newest(db, anna)
        assert over and (over.status, over.qr_url, over.password_key) == ("cancelled", None, None)
        with pytest.raises(InviteSpent, match="session_ended"):
            await logins.by_page(db, pages[0])
        with pytest.raises(InviteSpent, match="session_ended"):
            await logins.submit_password(db, pages[0], "secret")
        assert (await logins.by_page(db, pages[1])).status == "password_required"


async def test_members_of_another_group_do_not_exist(rt):
    """Neither in the list nor by id nor by Telegram id; somebody without a group neither."""
    async with rt.db.transaction() as db:
        here, there = await tenant(db, "A"), await tenant(db, "B")
        admin, other = await member(db, here, 7012, Role.owner), await member(db, there, 7013)
        nobody = await person(db, 7014)
        await set_tenant(db, here.id)
        for who in (other, nobody):
            with pytest.raises(NotFound):
                await members.change(db, admin, who.user_id, version=1, plan="plus")
            for key in (who.telegram_id, who.user_id):
                with pytest.raises(NotFound):
                    await profiles.get(db, admin, key)
        listed = (await members.list_(db, admin)).items
        assert {one.user.telegram_id for one in listed} == {7012}
        assert (await profiles.get(db, nobody, 7014)).membership is None


async def test_searching_and_paging_through_members(rt):
    """By any part of a name, by @name and id; pages have no gap and no double."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, 7015, Role.admin)
        for n in range(5):
            await member(db, friends, 7200 + n)
        kim = (await members.get(db, admin, (await member(db, friends, 7205)).user_id)).user
        kim.first_name, kim.last_name, kim.username = "Kim", "100% Sure_Li", "kim_li"
        db.add(kim)
        for words in ("kim 100%", "@KIM_LI", "7205", "e_l"):
            listed = (await members.list_(db, admin, search=words)).items
            assert [one.user.telegram_id for one in listed] == [7205], words
        assert not (await members.list_(db, admin, search="%\x00'")).items
        seen, cursor = [], None
        while True:
            page = await members.list_(db, admin, limit=3, cursor=cursor)
            seen += [one.user.telegram_id for one in page.items]
            if (cursor := page.next_cursor) is None:
                break
        assert sorted(seen) == [7015, *range(7200, 7206)]
        with pytest.raises(Invalid):
            await members.list_(db, admin, cursor="bm9uc2Vuc2U=")


async def test_a_plan_ends_when_its_time_is_over(rt):
    """Then the free one holds everywhere; an unknown plan is refused."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        owner, anna = await member(db, friends, 7016, Role.owner), await member(db, friends, 7017)
        with pytest.raises(Invalid):
            await members.change(db, owner, anna.user_id, version=1, plan="gold")
        soon, over = rt.clock.now() + timedelta(days=1), datetime(2020, 1, 1, tzinfo=UTC)
        await members.change(db, owner, anna.user_id, version=1, plan="plus", plan_expires_at=soon)
        in_force = await profiles.plan_of(db, anna, anna.telegram_id)
        assert (in_force.plan, in_force.expires_at) == (plans.of("plus"), soon)
        await members.change(db, owner, anna.user_id, version=2, plan_expires_at=over)
        assert (await sign_in.actor(db, anna.user_id, door="test")).plan == "free"
        assert (await profiles.plan_of(db, owner, anna.user_id)).plan == plans.of("free")


@pytest.mark.parametrize(
    "wrong", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2030-01-01T00:00:00"]
)
async def test_an_end_that_nobody_could_read_back_is_refused(rt, wrong):
    """With its offset it is year 10000 or 1 BC: PostgreSQL keeps it, and every later read would fail."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        owner, anna = await member(db, friends, new_id(), Role.owner), await member(db, friends, new_id())
        with pytest.raises(Invalid):
            await members.change(
                db, owner, anna.user_id, version=1, plan_expires_at=datetime.fromisoformat(wrong)
            )
        assert len((await members.list_(db, owner)).items) == 2


async def test_looking_for_a_plan_with_nul_finds_nobody(rt):
    """U+0000 cannot be asked for in PostgreSQL; it is no failure."""
    async with rt.db.transaction() as db:
        owner = await member(db, await tenant(db), 7090, Role.owner)
        assert (await members.list_(db, owner, plan="\0")).items == []


async def test_limits_of_the_plan_hold_at_every_door(rt, monkeypatch):
    """Channels and questions are counted in PostgreSQL, whichever process asks."""
    small = plans.Plan("free", channels_limit=1, posts_limit=10, questions_per_day=1)
    monkeypatch.setitem(plans.PLANS, "free", small)
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        anna = await member(db, friends, 7018)
        await account(db, anna)
        await follow(db, anna, found())
        with pytest.raises(NotAllowed) as refused:
            await follow(db, anna, found())
        assert refused.value.values == {"max": 1, "current": 1}
    async for _ in answers.ask(rt, anna, "Anything new?"):
        pass
    from_bot = sign_in.replace(anna, door="bot")
    with pytest.raises(LimitReached):
        async for _ in answers.ask(rt, from_bot, "And now?"):
            pass


async def test_a_new_admin_joins_by_invite_but_no_admin_sees_an_owners_invite(rt):
    """The code of an owner's invite would make whoever reads it an owner."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin, owner = (
            await member(db, friends, 7019, Role.admin),
            await member(db, friends, 7020, Role.owner),
        )
        shown = (await invites.list_(db, admin)).items
        hidden = [one for one in (await invites.list_(db, owner)).items if one.role == Role.owner]
        assert hidden and not {one.role for one in shown} & {"owner"}
        for call in (invites.get, invites.revoke, invites.usage, invites.delete):
            with pytest.raises(NotFound):
                await call(db, admin, hidden[0].code)
