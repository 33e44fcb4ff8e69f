"""Refresh tokens: stolen, old, used at once from several places, brought by a foreign page."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import col, select

from tests.people import init_data, member, tenant
from tests.servers import all_tenants
from tg_assistant.core.access import revocation, sessions, sign_in
from tg_assistant.core.access.sessions import Started
from tg_assistant.core.access.sign_in import SignInOrigin
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import members
from tg_assistant.errors import AssistantError, NotAllowed, NotFound, SignInNeeded
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import AppSession, AuditEvent, Membership, RefreshToken, Role

NEXT = iter(range(830_000, 839_999))


async def begun(rt: Runtime, role: Role = Role.user) -> tuple[Actor, Started]:
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), next(NEXT), role)
        return actor, await sessions.start(db, actor.user_id, device="x", now=datetime.now(UTC))


async def rotated(rt: Runtime, token: str, seconds: float = 0, *, since: datetime | None = None) -> str:
    """Refresh `seconds` after `since`: a moment of its own where how slow the machine is must not count."""
    async with rt.db.transaction() as db:
        now = (since or datetime.now(UTC)) + timedelta(seconds=seconds)
        try:
            return (await sessions.refresh(db, token, now=now)).refresh_token
        except SignInNeeded:
            await db.commit()  # as the door does
            raise


async def is_over(rt: Runtime, session_id: UUID) -> bool:
    async with rt.db.transaction() as db:
        return (await db.get_one(AppSession, session_id)).revoked_at is not None


async def audited(rt: Runtime, session_id: UUID) -> list[str]:
    query = select(AuditEvent.action).where(AuditEvent.subject == str(session_id))
    async with all_tenants(rt) as db:
        return list(await db.exec(query))


@pytest.mark.parametrize("age", [1, 2, 3, 7])
async def test_a_token_of_any_age_ends_the_family(rt: Runtime, age: int):
    """However many rotations ago it was good: whoever brings it now, the whole session is over, and noted."""
    _, started = await begun(rt)
    family = [started.refresh_token]
    for n in range(age):
        family.append(await rotated(rt, family[-1], seconds=n * 100))
    with pytest.raises(SignInNeeded):
        await rotated(rt, family[0], seconds=age * 100)
    assert await is_over(rt, started.id)
    assert await audited(rt, started.id) == ["session.reuse"]
    for token in family:
        with pytest.raises(SignInNeeded):
            await rotated(rt, token, seconds=age * 100 + 1)


async def test_two_rotations_within_the_grace_end_it_too(rt: Runtime):
    """The grace is the previous token's alone: the one before it is stolen, however quick the thief."""
    _, started = await begun(rt)
    second = await rotated(rt, started.refresh_token)
    third = await rotated(rt, second, seconds=1)
    with pytest.raises(SignInNeeded):
        await rotated(rt, started.refresh_token, seconds=2)
    with pytest.raises(SignInNeeded):
        await rotated(rt, third, seconds=3)


async def test_the_previous_one_gets_the_same_successor_for_twenty_seconds(rt: Runtime):
    """A lost answer costs nobody their session; the twenty-first second does."""
    _, started = await begun(rt)
    now = datetime.now(UTC)
    second = await rotated(rt, started.refresh_token, since=now)
    for seconds in (0, 5, 19.5):
        assert await rotated(rt, started.refresh_token, seconds=seconds, since=now) == second
    with pytest.raises(SignInNeeded):
        await rotated(rt, started.refresh_token, seconds=21, since=now)
    assert await is_over(rt, started.id)


async def test_twenty_tabs_at_once(rt: Runtime):
    """All bring the same token in one moment: all get the same successor, and nobody is thrown out."""
    _, started = await begun(rt)
    now = datetime.now(UTC)
    found = await asyncio.gather(*(rotated(rt, started.refresh_token, since=now) for _ in range(20)))
    assert len(set(found)) == 1
    assert not await is_over(rt, started.id)
    async with rt.db.transaction() as db:
        kept = await db.exec(select(RefreshToken).where(RefreshToken.session_id == started.id))
        assert len(kept.all()) == 2
    assert await rotated(rt, found[0]) != found[0]


async def test_a_thief_and_the_owner_at_once(rt: Runtime):
    """An old token and the good one in one moment: whatever the order, the family does not survive."""
    for _ in range(5):
        _, started = await begun(rt)
        second = await rotated(rt, started.refresh_token)
        third = await rotated(rt, second)
        attempts = (rotated(rt, started.refresh_token), rotated(rt, third))
        await asyncio.gather(*attempts, return_exceptions=True)
        assert await is_over(rt, started.id)


@pytest.mark.parametrize("loss", [{"role": Role.user}, {"disabled": True}], ids=["lowered", "switched off"])
async def test_a_family_renewed_while_its_rights_are_taken(rt: Runtime, loss: dict[str, Any]):
    """Rotations, uses and the change in one moment, in twenty orders: no token has more rights after."""
    for n in range(20):
        async with rt.db.transaction() as db:
            where = await tenant(db)
            owner = await member(db, where, next(NEXT), Role.owner)
            admin = await member(db, where, next(NEXT), Role.admin)
            started = await sessions.start(db, admin.user_id, device="x", now=datetime.now(UTC))
        brought = [started.refresh_token]

        async def renew(after: float, brought: list[str] = brought) -> None:
            await asyncio.sleep(after)
            for _ in range(3):
                brought.append(await rotated(rt, brought[-1]))

        async def take(owner: Actor = owner, admin: Actor = admin, after: float = n / 400) -> None:
            await asyncio.sleep(after)
            async with rt.db.transaction(owner.tenant) as db:
                await members.change(db, owner, admin.user_id, version=1, **loss)

        done = await asyncio.gather(renew(0), renew(0.01), take(), return_exceptions=True)
        assert done[2] is None
        assert all(each is None or isinstance(each, SignInNeeded) for each in done[:2]), done
        if "disabled" in loss:
            for token in brought:
                with pytest.raises(SignInNeeded):
                    await rotated(rt, token)
            with pytest.raises(SignInNeeded):
                await acting(rt, started.id)
        elif not await is_over(rt, started.id):  # two at once may have ended it: that is no right
            assert (await acting(rt, started.id)).role is Role.user
            await rotated(rt, brought[-1])
            assert (await acting(rt, started.id)).role is Role.user


async def acting(rt: Runtime, session_id: UUID) -> Actor:
    async with rt.db.transaction() as db:
        return await sign_in.by_session(db, session_id)


async def test_signing_in_while_being_switched_off(rt: Runtime):
    """A sign-in that began before and ends after leaves no session that lives on when access is back."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner, anna = await member(db, where, next(NEXT), Role.owner), await member(db, where, next(NEXT))

    async def switched(version: int, disabled: bool) -> None:
        async with rt.db.transaction(owner.tenant) as db:
            await members.change(db, owner, anna.user_id, version=version, disabled=disabled)

    async with rt.db.transaction() as db:
        person = await sign_in.actor(db, anna.user_id, door="app")
        signed = await sign_in.start_session(db, person, now=datetime.now(UTC), origin=SignInOrigin())
        switching = asyncio.create_task(switched(1, True))
        await asyncio.sleep(0.5)  # it waits for us, or has passed us by
    await switching
    await switched(2, False)
    with pytest.raises(SignInNeeded):
        await acting(rt, signed.session_id)


async def test_switched_off_in_the_middle_of_signing_in(rt: Runtime):
    """Read as a member, switched off, then begun: refused, whatever was read."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner, anna = await member(db, where, next(NEXT), Role.owner), await member(db, where, next(NEXT))
    with pytest.raises(NotAllowed, match="disabled"):
        async with rt.db.transaction() as db:
            person = await sign_in.actor(db, anna.user_id, door="app")
            async with rt.db.transaction(owner.tenant) as other:
                await members.change(other, owner, anna.user_id, version=1, disabled=True)
            await sign_in.start_session(db, person, now=datetime.now(UTC), origin=SignInOrigin())


async def test_the_database_holds_no_token(rt: Runtime):
    """Neither the tokens nor the resume secret stand anywhere as they are: a dump signs nobody in."""
    _, started = await begun(rt)
    second = await rotated(rt, started.refresh_token)
    async with rt.db.transaction() as db:
        rows = (await db.exec(select(RefreshToken))).all()
        held = b"|".join(row.hash + (row.successor or b"") for row in rows)
        held += (await db.get_one(AppSession, started.id)).resume_hash
        dump = str([row.model_dump() for row in rows])
    for secret in (started.refresh_token, second, started.resume_secret):
        assert secret.encode() not in held and secret not in dump
    with pytest.raises(SignInNeeded):  # the sealed successor of a row is of no use as a token
        await rotated(rt, rows[0].hash.hex())


async def test_anothers_successor_does_not_open(rt: Runtime):
    """A row's sealed successor copied under another's token opens nothing: it is bound to its session."""
    _, one = await begun(rt)
    _, other = await begun(rt)
    await rotated(rt, one.refresh_token)
    await rotated(rt, other.refresh_token)
    async with rt.db.transaction() as db:
        mine = await db.get_one(RefreshToken, sessions.digest(one.refresh_token))
        theirs = await db.get_one(RefreshToken, sessions.digest(other.refresh_token))
        mine.successor = theirs.successor
    with pytest.raises(SignInNeeded):
        await rotated(rt, one.refresh_token, seconds=1)


@pytest.mark.parametrize("call", ["refresh", "resume"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "http://127.0.0.1:80000"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:8000, https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://evil.example", "Host": "evil.example"},
    ],
    ids=str,
)
async def test_from_a_foreign_page(http: httpx.AsyncClient, rt: Runtime, headers: dict[str, str], call: str):
    """A page of another origin sends the cookie along: refused, and the token is not even used up."""
    _, started = await begun(rt)
    cookie = {"Cookie": f"tga_refresh={started.refresh_token}"}
    assert (await http.post(f"/api/auth/{call}", headers={**cookie, **headers})).status_code == 403
    http.cookies.clear()
    own = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}
    answer = await http.post(f"/api/auth/{call}", headers={**cookie, **own})
    http.cookies.clear()
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


async def test_reuse_over_http(http: httpx.AsyncClient, rt: Runtime):
    """The thief's late call ends the owner's access token as well, at the next call."""
    data = init_data({"id": next(NEXT), "first_name": "P"}, query_id=uuid4().hex)
    signed = await http.post("/api/auth/telegram-webapp", json={"init_data": data})
    bearer = {"Authorization": f"Bearer {signed.json()['access_token']}"}
    stolen = {"Cookie": f"tga_refresh={signed.cookies['tga_refresh']}"}
    http.cookies.clear()
    second = await http.post("/api/auth/refresh", headers=stolen)
    http.cookies.clear()
    third = await http.post(
        "/api/auth/refresh", headers={"Cookie": f"tga_refresh={second.cookies['tga_refresh']}"}
    )
    http.cookies.clear()
    assert (await http.get("/api/users/me", headers=bearer)).status_code == 200
    assert (await http.post("/api/auth/refresh", headers=stolen)).status_code == 401
    assert (await http.get("/api/users/me", headers=bearer)).status_code == 401
    late = {"Cookie": f"tga_refresh={third.cookies['tga_refresh']}"}
    http.cookies.clear()
    assert (await http.post("/api/auth/refresh", headers=late)).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x", "é", "A" * 100_000, "%00", '"', "a;b"], ids=ascii)
async def test_cookies_that_are_no_tokens(http: httpx.AsyncClient, cookie: str):
    """Whatever stands in the cookie, 401 is the answer."""
    raw = b"tga_refresh=" + cookie.encode()
    assert (await http.post("/api/auth/refresh", headers={b"Cookie": raw})).status_code == 401


async def test_a_new_resume_secret_replaces_the_old_one(http: httpx.AsyncClient, rt: Runtime):
    """A reloaded browser gets another; the one before it, perhaps left in a tab, is worth nothing now."""
    _, started = await begun(rt)
    cookie = {"Cookie": f"tga_refresh={started.refresh_token}"}
    fresh = (await http.post("/api/auth/resume", headers=cookie)).json()["resume_secret"]
    http.cookies.clear()
    async with rt.db.transaction() as db:
        assert (await sessions.resume(db, fresh)).id == started.id
        with pytest.raises(SignInNeeded):
            await sessions.resume(db, started.resume_secret)


async def test_disabled_people_refresh_nothing(http: httpx.AsyncClient, rt: Runtime):
    """Being disabled is found out here too, and the token is not rotated for them."""
    actor, started = await begun(rt)
    async with all_tenants(rt) as db:
        row = (await db.exec(select(Membership).where(Membership.user_id == actor.user_id))).one()
        row.disabled = True
    cookie = {"Cookie": f"tga_refresh={started.refresh_token}"}
    for call in ("refresh", "resume"):
        answer = await http.post(f"/api/auth/{call}", headers=cookie)
        assert answer.status_code == 403 and "set-cookie" not in answer.headers


async def _for_ever() -> Any:
    while True:
        yield "data"
        await asyncio.sleep(0.05)


async def _never() -> Any:
    await asyncio.sleep(3600)
    yield "data"


@pytest.mark.parametrize("items", [_for_ever, _never], ids=["busy", "idle"])
@pytest.mark.parametrize("loss", ["ended", "disabled", "demoted", "left"])
async def test_streams_end_within_a_second(rt: Runtime, items: Any, loss: str):
    """A stream that is open when the right to it goes: no byte a second later, whether it is busy or idle."""
    actor, started = await begun(rt, Role.admin)
    async with rt.db.transaction() as db:
        seen = await revocation.check(rt, actor)
    watching = Actor(**{**seen.__dict__, "session_id": started.id})
    loop = asyncio.get_running_loop()

    async def watch() -> None:
        async for _ in revocation.watched(rt, watching, items()):
            pass

    task = asyncio.create_task(watch())
    await asyncio.sleep(0.3)
    async with all_tenants(rt) as db:
        row = (await db.exec(select(Membership).where(Membership.user_id == actor.user_id))).one()
        if loss == "ended":
            await sessions.end(db, watching, started.id)
        elif loss == "disabled":
            row.disabled = True
        elif loss == "demoted":
            row.role = Role.user.value
        else:
            await db.delete(row)
    lost = loop.time()
    with pytest.raises((SignInNeeded, NotAllowed)):
        await task
    assert revocation._LOOK_SECONDS < 1
    assert loop.time() - lost < 5  # a second, and what a busy machine adds


async def test_streams_end_with_what_they_end_with(rt: Runtime):
    """An end and an error pass through; leaving early closes what is behind."""
    actor, _ = await begun(rt)
    closed = []

    async def three(fail: bool = False) -> Any:
        try:
            for n in range(3):
                yield n
            if fail:
                raise NotFound("x")
        finally:
            closed.append(fail)

    assert [n async for n in revocation.watched(rt, actor, three())] == [0, 1, 2]
    with pytest.raises(NotFound):
        assert [n async for n in revocation.watched(rt, actor, three(True))]
    stream = revocation.watched(rt, actor, _for_ever())
    assert await anext(stream) == "data"
    await stream.aclose()
    assert closed == [False, True]


async def test_admins_see_and_end_their_members_sessions_alone(rt: Runtime):
    """Another tenant's session does not exist, an owner's is above an admin, a user ends only their own."""
    async with rt.db.transaction() as db:
        home, away = await tenant(db, "Home"), await tenant(db, "Away")
        people = {
            name: await member(db, where, next(NEXT), role)
            for name, where, role in (
                ("user", home, Role.user),
                ("admin", home, Role.admin),
                ("owner", home, Role.owner),
                ("foreign", away, Role.owner),
            )
        }
        started = {
            name: await sessions.start(db, actor.user_id, device=name, now=datetime.now(UTC))
            for name, actor in people.items()
        }
    expected: dict[tuple[str, str], type[AssistantError] | None] = {
        ("user", "admin"): NotAllowed,
        ("admin", "foreign"): NotFound,
        ("admin", "owner"): NotAllowed,
        ("foreign", "user"): NotFound,
        ("admin", "user"): None,
        ("owner", "admin"): None,
    }
    for (who, whose), error in expected.items():
        if error is None:
            async with rt.db.transaction(people[who].tenant_id) as db:
                await sessions.end_for_member(db, people[who], started[whose].id)
            assert await is_over(rt, started[whose].id)
            continue
        with pytest.raises(error):
            async with rt.db.transaction(people[who].tenant_id) as db:
                await sessions.end_for_member(db, people[who], started[whose].id)
        assert not await is_over(rt, started[whose].id)
    async with rt.db.transaction(home.id) as db:
        listed = (await sessions.list_for_tenant(db, people["owner"])).items
        assert {one.session.device for one in listed} == {"owner"}
        with pytest.raises(NotAllowed):
            await sessions.list_for_tenant(db, people["user"])
        of_foreign = await sessions.list_for_tenant(db, people["owner"], user_id=people["foreign"].user_id)
        assert of_foreign.items == []


async def test_old_sessions_are_forgotten(rt: Runtime):
    """Long after its end a session goes with its whole family; a live one stays."""
    _, old = await begun(rt)
    _, live = await begun(rt)
    async with rt.db.transaction() as db:
        (await db.get_one(AppSession, old.id)).revoked_at = datetime.now(UTC) - timedelta(days=31)
    async with rt.db.transaction() as db:
        await sessions.forget_old(db)
        kept = (await db.exec(select(AppSession.id).where(col(AppSession.id).in_([old.id, live.id])))).all()
        tokens = (await db.exec(select(RefreshToken).where(RefreshToken.session_id == old.id))).all()
    assert kept == [live.id] and tokens == []
