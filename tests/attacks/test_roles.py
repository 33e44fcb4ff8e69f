"""Roles under attack: every admin route as everybody below, rising by oneself, and rights just lost."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlmodel import select

from tests.attacks import routes
from tests.people import member, tenant
from tg_assistant.api.app import create_api
from tg_assistant.core.access import revocation
from tg_assistant.core.group import members
from tg_assistant.errors import NotAllowed
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Membership, Role, Tenant

ADMIN = sorted(
    (target.method, target.path)
    for target in routes.targets(create_api(lambda: None))
    if target.path.startswith("/api/admin/")
)
OWNER, ADMIN_ID, PLAIN, SECOND = 8_300_001, 8_300_002, 8_300_003, 8_300_004
_leaving = iter(range(8_300_020, 8_300_030))
Signed = Callable[..., Any]


@pytest.fixture(scope="module")
async def group(rt: Runtime) -> Tenant:
    async with rt.db.transaction() as db:
        made = await tenant(db)
        for telegram_id, role in ((OWNER, Role.owner), (ADMIN_ID, Role.admin), (PLAIN, Role.user)):
            await member(db, made, telegram_id, role)
        await member(db, made, SECOND, Role.admin)
    return made


async def standing(rt: Runtime, group: Tenant) -> list[tuple[Any, ...]]:
    """Everybody's rights in the group."""
    async with rt.db.transaction(group.id) as db:
        rows = await db.exec(select(Membership).where(Membership.tenant_id == group.id))
        return sorted((str(one.user_id), one.role, one.plan, one.disabled) for one in rows)


def test_there_are_admin_routes_to_attack() -> None:
    """The list below is taken from the app; were it empty, everything would pass."""
    assert len(ADMIN) >= 20


@pytest.mark.parametrize(("method", "path"), ADMIN)
async def test_no_admin_route_for_users_strangers_and_nobody(
    http: httpx.AsyncClient, rt: Runtime, group: Tenant, sign_in: Signed, method: str, path: str
) -> None:
    """403 for users and strangers, 401 without a token or with one that is not ours; nothing changes."""
    before = await standing(rt, group)
    for name in ("user_id", "session_id", "channel_id"):
        path = path.replace(f"{{{name}}}", before[0][0])
    path = path.replace("{job_id}", "1").replace("{code}", "A" * 12).replace("{name}", "answers.model")
    body = {"version": 1, "role": "owner"} if "/users/" in path else _body(path)
    send = {"json": body} if method in ("POST", "PATCH", "PUT") else {}
    expected = {
        403: [await sign_in(PLAIN), await sign_in(8_300_099)],
        401: [{}, {"Authorization": "Bearer x"}],
    }
    for status, callers in expected.items():
        for headers in callers:
            answer = await http.request(method, path, headers=headers, **send)
            assert answer.status_code == status, (headers, answer.text)
    assert await standing(rt, group) == before


def _body(path: str) -> dict[str, Any]:
    """What the route takes, so that it is the role that is refused and not the form."""
    known = {"/channels/": {"paused": True}, "/flags/": {"enabled": True}, "/experiments/": {"running": True}}
    return next((body for part, body in known.items() if part in path), {})


_leaving = iter(range(8_300_020, 8_300_030))


async def test_rising_by_oneself(
    http: httpx.AsyncClient, rt: Runtime, group: Tenant, sign_in: Signed
) -> None:
    """Every place that takes a body from a person about themselves or others refuses a higher role."""
    before = await standing(rt, group)
    admin = await sign_in(ADMIN_ID)
    ids = {
        n: (await http.get(f"/api/users/{n}", headers=admin)).json()["id"]
        for n in (OWNER, ADMIN_ID, PLAIN, SECOND)
    }
    wishes = (
        *((ids[n], {"version": 1, "role": "owner"}) for n in (ADMIN_ID, PLAIN, SECOND)),
        *((ids[OWNER], {"version": 1, **wish}) for wish in ({"role": "user"}, {"disabled": True})),
        (ids[ADMIN_ID], {"version": 1, "disabled": True}),
    )
    for user_id, body in wishes:
        answer = await http.patch(f"/api/admin/users/{user_id}", json=body, headers=admin)
        assert answer.status_code == 403, body
    for extra in (
        {"tenant_id": str(group.id)},
        {"user_id": ids[OWNER]},
        {"telegram_id": 1},
        {"id": ids[OWNER]},
    ):
        body = {"version": 1, "plan": "plus", **extra}
        answer = await http.patch(f"/api/admin/users/{ids[PLAIN]}", json=body, headers=admin)
        assert answer.status_code == 422, extra
    for body in ({"role": "owner"}, {"role": "admin", "tenant_id": str(group.id)}):
        assert (await http.post("/api/admin/invites", json=body, headers=admin)).status_code == 422
    plain = await sign_in(PLAIN)
    for body in ({"language": "ru", "role": "admin"}, {"plan": "unlimited"}, {"disabled": False}):
        assert (await http.patch(f"/api/users/{PLAIN}", json=body, headers=plain)).status_code == 422
    assert await standing(rt, group) == before


async def test_no_owners_invite_to_be_had(
    http: httpx.AsyncClient, rt: Runtime, group: Tenant, sign_in: Signed
) -> None:
    """The invite that made the group's owner is not shown to admins, by no address."""
    owner, admin = await sign_in(OWNER), await sign_in(ADMIN_ID)
    listed = (await http.get("/api/admin/invites", params={"limit": 100}, headers=owner)).json()["items"]
    code = next(one["code"] for one in listed if one["role"] == "owner")
    shown = await http.get("/api/admin/invites", params={"limit": 100}, headers=admin)
    assert code not in shown.text
    at = f"/api/admin/invites/{code}"
    for method, path in (("GET", at), ("GET", f"{at}/qr"), ("GET", f"{at}/usage"), ("POST", f"{at}/revoke")):
        assert (await http.request(method, path, headers=admin)).status_code == 404
    assert (await http.delete(at, headers=admin)).status_code == 404
    assert (await http.patch(at, json={"uses_limit": 0}, headers=admin)).status_code == 404


async def test_rights_just_lost_are_lost(
    http: httpx.AsyncClient, rt: Runtime, group: Tenant, sign_in: Signed
) -> None:
    """A token from before is good for the person, not for the role; a disabled one's for nothing."""
    owner, second = await sign_in(OWNER), await sign_in(SECOND)
    me = (await http.get("/api/users/me", headers=second)).json()
    at = f"/api/admin/users/{me['id']}"
    assert (await http.get("/api/admin/users", headers=second)).status_code == 200
    lower = await http.patch(at, json={"version": 1, "role": "user"}, headers=owner)
    assert lower.status_code == 200
    assert (await http.get("/api/admin/users", headers=second)).status_code == 403
    assert (await http.get("/api/users/me", headers=second)).status_code == 200
    await http.patch(at, json={"version": 2, "disabled": True}, headers=owner)
    for path in ("/api/users/me", "/api/channels", "/api/users/me/export"):
        assert (await http.get(path, headers=second)).status_code in (401, 403)
    again = await http.post("/api/auth/telegram-webapp", json={"init_data": "x"})
    assert again.status_code == 401


@pytest.mark.parametrize("maker", ["their own", "the owner's"])
@pytest.mark.parametrize("lowered_first", [True, False])
async def test_coming_back_by_an_open_invite(
    http: httpx.AsyncClient, rt: Runtime, group: Tenant, sign_in: Signed, maker: str, lowered_first: bool
) -> None:
    """An admin reads the code of an admin's invite, is lowered or leaves, and redeems it: refused."""
    telegram_id = next(_leaving)
    async with rt.db.transaction(group.id) as db:
        await member(db, group, telegram_id, Role.admin)
    kim, owner = await sign_in(telegram_id), await sign_in(OWNER)
    by = kim if maker == "their own" else owner
    made = await http.post("/api/admin/invites", json={"role": "admin", "uses_limit": 0}, headers=by)
    code = made.json()["code"]
    assert (await http.get(f"/api/admin/invites/{code}", headers=kim)).status_code == 200
    if lowered_first:
        me = (await http.get("/api/users/me", headers=kim)).json()
        lower = {"version": 1, "role": "user"}
        assert (
            await http.patch(f"/api/admin/users/{me['id']}", json=lower, headers=owner)
        ).status_code == 200
    assert (await http.delete("/api/users/me", headers=kim)).status_code == 200
    back = await sign_in(telegram_id)
    answer = await http.post("/api/invites/redeem", json={"code": code}, headers=back)
    assert answer.status_code == 410


async def test_a_stream_ends_with_the_right_to_it(rt: Runtime) -> None:
    """Who is switched off while something streams to them gets no more within a second."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner, kim = await member(db, where, 8_300_010, Role.owner), await member(db, where, 8_300_011)

    async def for_ever() -> Any:
        while True:
            yield "more"
            await asyncio.sleep(0.05)

    async def listen() -> None:
        async for _ in revocation.watched(rt, kim, for_ever()):
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0.2)
    async with rt.db.transaction(where.id) as db:
        await members.change(db, owner, kim.user_id, version=1, disabled=True)
    with pytest.raises(NotAllowed):
        async with asyncio.timeout(5):  # a second, and what a busy machine adds
            await listening


async def test_twenty_admins_demote_the_two_owners_and_one_another_at_once(rt: Runtime) -> None:
    """Whatever the order, an owner is left, and nobody rises."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owners = [await member(db, where, 8_300_100 + n, Role.owner) for n in range(3)]
        admins = [await member(db, where, 8_300_110 + n, Role.admin) for n in range(8)]

    async def demote(by: Any, whom: Any, role: Role) -> None:
        try:
            async with rt.db.transaction(where.id) as db:
                await members.change(db, by, whom.user_id, version=1, role=role)
        except Exception as error:
            assert isinstance(error, (NotAllowed, members.Conflict)), error

    tries = [demote(by, whom, Role.user) for by in owners for whom in owners]
    tries += [demote(by, whom, Role.owner) for by in admins for whom in admins]
    await asyncio.gather(*tries)
    left = [row for row in await standing(rt, where) if row[1] == "owner"]
    assert len(left) >= 1 and {row[0] for row in left} <= {str(one.user_id) for one in owners}
