"""Invites under attack: racing for the last use, guessing, and what a refused code gives away."""

import asyncio
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import col, select

from tests.people import member, person, tenant
from tests.servers import all_tenants
from tg_assistant.api.app import create_api
from tg_assistant.core.group import invites
from tg_assistant.errors import InviteSpent
from tg_assistant.infra.postgres.db import set_tenant
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.models import AuditEvent, Invite, InviteUse, Membership, Role
from tg_assistant.settings.groups import Settings

RACERS = 200
NEXT = iter(range(8_500_000, 8_900_000))


async def test_200_race_for_a_one_use_code(rt: Runtime, at_length: bool) -> None:
    """Exactly one gets in; the count, the list of uses and the memberships agree with it."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, next(NEXT), Role.admin)
        racers = [await person(db, next(NEXT)) for _ in range(RACERS)]
    for _ in range(50 if at_length else 3):
        async with rt.db.transaction(friends.id) as db:
            code = (await invites.create(db, admin)).code

        async def race(racer: Any, code: str = code) -> int:
            try:
                async with rt.db.transaction() as db:
                    await invites.redeem(db, racer, code)
            except InviteSpent:
                return 0
            return 1

        assert sum(await asyncio.gather(*map(race, racers))) == 1
        async with rt.db.transaction(friends.id) as db:
            invite = (await db.exec(select(Invite).where(Invite.code == code))).one()
            used = (await db.exec(select(InviteUse).where(InviteUse.code == code))).one()
            assert invite.uses_count == 1 and invite.last_used_by == used.user_id
            joined = (await db.exec(select(Membership).where(Membership.user_id == used.user_id))).one()
            await db.delete(joined)  # the winner may race again


async def test_one_person_races_with_many_codes(rt: Runtime) -> None:
    """Twenty groups' codes at once make a member of one group, and the other codes keep their use."""
    async with rt.db.transaction() as db:
        racer = await person(db, next(NEXT))
        codes = []
        for _ in range(20):
            where = await tenant(db)
            await set_tenant(db, where.id)
            codes.append((await invites.create(db, invites.operator(where.id))).code)

    async def redeem(code: str) -> int:
        try:
            async with rt.db.transaction() as db:
                await invites.redeem(db, racer, code)
        except invites.AlreadyExists:
            return 0
        return 1

    assert sum(await asyncio.gather(*map(redeem, codes))) == 1
    used = 0
    async with all_tenants(rt) as db:
        for code in codes:
            used += (await db.exec(select(Invite.uses_count).where(Invite.code == code))).one()
    assert used == 1


async def test_revoking_wins_over_everybody_who_comes_later(rt: Runtime) -> None:
    """While 50 redeem an unlimited code it is revoked: nobody gets in whose turn came after."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, next(NEXT), Role.admin)
        code = (await invites.create(db, admin, uses_limit=0)).code
        racers = [await person(db, next(NEXT)) for _ in range(50)]

    async def revoke() -> int:
        async with rt.db.transaction(friends.id) as db:
            await invites.revoke(db, admin, code)
        return 0

    async def redeem(racer: Any) -> int:
        try:
            async with rt.db.transaction() as db:
                await invites.redeem(db, racer, code)
        except InviteSpent:
            return 0
        return 1

    joined = sum(await asyncio.gather(*map(redeem, racers[:25]), revoke(), *map(redeem, racers[25:])))
    async with rt.db.transaction(friends.id) as db:
        shown = await invites.get(db, admin, code)
        assert not shown.active and shown.uses_count == joined
    assert await redeem(racers[0]) == 0 or joined == 0


async def test_a_refused_code_tells_nothing(
    http: httpx.AsyncClient, rt: Runtime, sign_in: Callable[..., Any]
) -> None:
    """Spent, revoked, expired, deleted and never made: the same answer, and none of it in the trail."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, next(NEXT), Role.admin)
        past = datetime.now(UTC) - timedelta(seconds=1)
        spent, revoked, deleted = [(await invites.create(db, admin)).code for _ in range(3)]
        expired = (await invites.create(db, admin, expires_at=past)).code
        await invites.redeem(db, await person(db, next(NEXT)), spent)
        await invites.revoke(db, admin, revoked)
        await invites.delete(db, admin, deleted)
        elsewhere = await member(db, await tenant(db), next(NEXT))
    people = [await sign_in(n) for n in (next(NEXT), admin.telegram_id, elsewhere.telegram_id)]
    said = set()
    for code in (spent, revoked, expired, deleted, "Z" * 12):
        for own in people:  # a stranger, a member of the group and one of another
            answer = await http.post("/api/invites/redeem", json={"code": code}, headers=own)
            assert answer.status_code == 410
            said.add(json.dumps({**answer.json(), "request_id": ""}))
    assert len(said) == 1
    async with rt.db.transaction(friends.id) as db:
        lines = await db.exec(select(AuditEvent).where(col(AuditEvent.tenant_id) == friends.id))
        trail = " ".join(f"{line.subject} {line.detail}" for line in lines)
    assert not any(code in trail for code in (spent, revoked, expired, deleted))


async def test_a_member_takes_nobodys_place(
    http: httpx.AsyncClient, rt: Runtime, sign_in: Callable[..., Any]
) -> None:
    """With a code that is good a member gets 409 for ever: its one use is left for who has none."""
    async with rt.db.transaction() as db:
        friends = await tenant(db)
        admin = await member(db, friends, next(NEXT), Role.admin)
        code = (await invites.create(db, admin)).code
        elsewhere = await member(db, await tenant(db), next(NEXT))
    for own in [await sign_in(n.telegram_id) for n in (admin, elsewhere)]:
        answers = [await http.post("/api/invites/redeem", json={"code": code}, headers=own) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [409, 409]
    joining = {"json": {"code": code}, "headers": await sign_in(next(NEXT))}
    assert (await http.post("/api/invites/redeem", **joining)).status_code == 201
    async with all_tenants(rt) as db:
        used = (await db.exec(select(Invite.uses_count).where(Invite.code == code))).one()
    assert used == 1
    assert (await http.post("/api/invites/redeem", **joining)).status_code == 410


async def test_guessing_is_slowed_down(settings: Settings) -> None:
    """With the contract's rate the eleventh guess within a minute is refused, also from other accounts."""
    security = settings.security.model_copy(update={"rate_limit_invites": "10:60"})
    async with open_runtime(settings.model_copy(update={"security": security})) as rt:
        transport = httpx.ASGITransport(create_api(lambda: rt), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
            people = [await _signed_in(http) for _ in range(3)]
            answers = []
            for n in range(15):
                guess = {"code": "".join(secrets.choice("ABCDEFGH2345") for _ in range(12))}
                answers.append(
                    await http.post("/api/invites/redeem", json=guess, headers=people[n % len(people)])
                )
    assert [one.status_code for one in answers] == [410] * 10 + [429] * 5
    assert int(answers[-1].headers["retry-after"]) > 0 and "RateLimit" in answers[-1].headers


async def _signed_in(http: httpx.AsyncClient) -> dict[str, str]:
    from tests.people import init_data

    data = init_data({"id": next(NEXT), "first_name": "P"}, query_id=secrets.token_hex(8))
    answer = await http.post("/api/auth/telegram-webapp", json={"init_data": data})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize(
    "code",
    [
        *("", " ", "inv_", "short", "A" * 13, "А" * 12, "ＡＡＡＡＡＡＡＡＡＡＡＡ", "' OR 1=1 --xx"),
        *("%" * 12, "A" * 11 + "\x00", "../../../etc", "A" * 100, "１２３４５６７８９０１２"),
    ],
)
async def test_odd_codes(http: httpx.AsyncClient, sign_in: Callable[..., Any], code: str) -> None:
    """Other alphabets, NUL, SQL and paths are wrong codes and nothing more, at both kinds of address."""
    stranger = await sign_in(next(NEXT))
    answer = await http.post("/api/invites/redeem", json={"code": code}, headers=stranger)
    assert answer.status_code == 422
    start = await http.post("/api/tg/qr/start", json={"invite_code": code}, headers=stranger)
    assert start.status_code in (403, 422)
