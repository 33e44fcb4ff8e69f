"""Invites: the only way in, atomic, and never to somebody else's tenant."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from tests.people import member, person, tenant
from tg_assistant.core.access import sign_in
from tg_assistant.core.group import invites, tenants
from tg_assistant.core.privacy import erasure
from tg_assistant.errors import AlreadyExists, Invalid, InviteSpent, NotAllowed, NotFound
from tg_assistant.infra.postgres.db import set_tenant
from tg_assistant.models import AuditEvent, Role


async def test_tenants_create_makes_the_first_owner(rt):
    """The command line's invite makes an owner, once."""
    async with rt.db.transaction() as db:
        made, invite = await tenants.create(db, "  Neighbours ")
        stranger = await person(db, 6001)
        await invites.redeem(db, stranger, f"inv_{invite.code.lower()}")
        owner = await sign_in.actor(db, stranger.user_id, door="test")
        assert (owner.role, owner.tenant, made.name) == (Role.owner, made.id, "Neighbours")
        with pytest.raises(InviteSpent):
            await invites.redeem(db, await person(db, 6002), invite.code)


async def test_only_admins_invite_and_nobody_makes_owners(rt):
    """A plain member invites nobody; an admin's invite can make users and admins only."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        plain, admin = await member(db, friends, 6003), await member(db, friends, 6004, Role.admin)
        with pytest.raises(NotAllowed):
            await invites.create(db, plain)
        with pytest.raises(Invalid):
            await invites.create(db, admin, role=Role.owner)
        made = await invites.create(db, admin, role=Role.admin, uses_limit=2, notes="for Max")
        assert len(made.code) == 12 and made.code.isalnum() and made.code == made.code.upper()


async def test_another_tenants_invites_do_not_exist(rt):
    """An admin sees and revokes the invites of the own tenant alone."""
    async with rt.db.transaction() as db:
        mine, other = await tenant(db, "A"), await tenant(db, "B")
        admin, stranger = await member(db, mine, 6005, Role.admin), await member(db, other, 6006, Role.admin)
        await set_tenant(db, mine.id)
        code = (await invites.create(db, admin)).code
        assert code in [i.code for i in (await invites.list_(db, admin, status="active")).items]
        await set_tenant(db, other.id)
        assert code not in [i.code for i in (await invites.list_(db, stranger)).items]
        for call in (invites.get, invites.revoke):
            with pytest.raises(NotFound):
                await call(db, stranger, code)


async def test_spent_revoked_expired_and_unknown_codes(rt):
    """Each way for a code to be no good answers the same, so that guessing teaches nothing."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, 6007, Role.admin)
        revoked = await invites.revoke(db, admin, (await invites.create(db, admin)).code)
        expired = await invites.create(db, admin, expires_at=datetime.now(UTC) - timedelta(seconds=1))
        for code in (revoked.code, expired.code, "A" * 12):
            with pytest.raises(InviteSpent):
                await invites.redeem(db, await person(db, 6008), code)
        with pytest.raises(Invalid):
            await invites.redeem(db, await person(db, 6008), "'; DROP TABLE invites")


async def test_a_member_does_not_join_twice(rt):
    """Redeeming again is refused and spends no use."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, 6009, Role.admin)
        invite = await invites.create(db, admin)
        with pytest.raises(AlreadyExists):
            await invites.redeem(db, admin, invite.code)
        await db.refresh(invite)
        assert invite.uses_count == 0


async def test_a_race_for_the_last_use_has_one_winner(rt):
    """Of 20 strangers redeeming a one-use code at once exactly one gets in; tests/attacks has 200."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, 6010, Role.admin)
        code = (await invites.create(db, admin)).code
        racers = [await person(db, 6100 + i) for i in range(20)]

    async def race(racer):
        try:
            async with rt.db.transaction() as db:
                await invites.redeem(db, racer, code)
        except InviteSpent:
            return 0
        return 1

    assert sum(await asyncio.gather(*map(race, racers))) == 1


async def test_the_audit_trail_knows_an_invite_by_its_beginning_only(rt):
    """Whoever reads logs must not be able to join by what stands there."""
    async with rt.db.transaction() as db:
        made, _ = await tenants.create(db, "Quiet")
        invite = await invites.create(db, invites.operator(made.id))
        await invites.redeem(db, await person(db, 6090), invite.code)
        await db.flush()
        lines = (await db.exec(select(AuditEvent).where(AuditEvent.tenant_id == made.id))).all()
    assert {"invite.create", "invite.redeem"} <= {line.action for line in lines}
    assert not any(invite.code in line.subject for line in lines)


async def test_uses_are_written_down(rt):
    """Who joined by which invite and when; an erased person leaves a nameless line."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, 6020, Role.admin)
        invite = await invites.create(db, admin, uses_limit=0)
        guests = [await person(db, 6021 + n, name=f"Guest {n}") for n in range(3)]
        for guest in guests:
            await invites.redeem(db, guest, invite.code)
        page = await invites.usage(db, admin, invite.code, limit=2)
        rest = await invites.usage(db, admin, invite.code, cursor=page.next_cursor)
        used_by = {one.user.first_name for one in [*page.items, *rest.items]}
        assert used_by == {"Guest 0", "Guest 1", "Guest 2"} and rest.next_cursor is None
        assert (await invites.get(db, admin, invite.code)).uses_count == 3
    await erasure.erase(rt, await actor_now(rt, guests[0]))
    async with rt.db.transaction(friends.id) as db:
        left = (await invites.usage(db, admin, invite.code)).items
        assert len(left) == 3 and [one.user for one in left].count(None) == 1


async def actor_now(rt, who):
    async with rt.db.transaction() as db:
        return await sign_in.actor(db, who.user_id, door="test")


async def test_changing_and_deleting_an_invite(rt):
    """Uses, expiry and note can be changed, within the same bounds; a deleted one lets nobody in."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, 6030, Role.admin)
        invite = await invites.create(db, admin, notes="first")
        until = datetime.now(UTC) + timedelta(days=1)
        changed = await invites.change(db, admin, invite.code, uses_limit=2, expires_at=until)
        assert (changed.uses_limit, changed.expires_at, changed.notes) == (2, until, "first")
        unreadable = datetime.fromisoformat("9999-12-31T23:59:59-14:00")  # year 10000 in UTC
        bare = datetime(2030, 1, 1)  # noqa: DTZ001
        for wrong in (
            {"uses_limit": -1},
            {"notes": "x" * 501},
            {"expires_at": bare},
            {"expires_at": unreadable},
        ):
            with pytest.raises(Invalid):
                await invites.change(db, admin, invite.code, **wrong)
        assert (await invites.change(db, admin, invite.code, notes="a\0b")).notes == "a\ufffdb"
        assert (await invites.create(db, admin, notes="\0")).notes == "\ufffd"
        await invites.redeem(db, await person(db, 6031), invite.code)
        await invites.delete(db, admin, invite.code)
        with pytest.raises(NotFound):
            await invites.get(db, admin, invite.code)
        with pytest.raises(InviteSpent):
            await invites.redeem(db, await person(db, 6032), invite.code)
        assert (await sign_in.actor(db, (await person(db, 6031)).user_id, door="test")).tenant == friends.id


async def test_lists_by_status(rt):
    """Active, revoked and expired do not overlap; a made-up status is refused."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, 6040, Role.owner)
        past = datetime.now(UTC) - timedelta(seconds=1)
        codes = {
            "active": (await invites.create(db, admin)).code,
            "expired": (await invites.create(db, admin, expires_at=past)).code,
            "revoked": (await invites.revoke(db, admin, (await invites.create(db, admin)).code)).code,
        }
        await db.flush()
        for status, code in codes.items():
            listed = [one.code for one in (await invites.list_(db, admin, status=status, limit=100)).items]
            assert code in listed and not {*codes.values()} & {*listed} - {code}
        with pytest.raises(Invalid):
            await invites.list_(db, admin, status="spent")
