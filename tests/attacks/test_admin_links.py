"""One-time links for the admin panel and the second screen: previewed, guessed, stolen, used twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import col, select, update

from tests.people import member, person, tenant
from tests.servers import all_tenants
from tg_assistant.core.access import one_time_links, sessions
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.errors import AssistantError, InviteSpent, NotAllowed, NotFound
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import AppSession, AuditEvent, Login, Membership, OneTimeLink, Role, SignIn

NEXT = iter(range(840_000, 849_999))
HERE = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}


async def admin(rt: Runtime, role: Role = Role.admin) -> Actor:
    async with rt.db.transaction() as db:
        return await member(db, await tenant(db), next(NEXT), role)


async def link(rt: Runtime, actor: Actor) -> str:
    async with rt.db.transaction(actor.tenant_id) as db:
        return await one_time_links.make(db, actor, Purpose.admin)


async def press(http: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    http.cookies.clear()
    answer = await http.post(f"/admin/login/{token}", data={"go": "1"}, headers={**HERE, **headers})
    http.cookies.clear()
    return answer


async def sessions_of(rt: Runtime, actor: Actor) -> list[AppSession]:
    async with rt.db.transaction() as db:
        return list(await db.exec(select(AppSession).where(AppSession.user_id == actor.user_id)))


async def test_looking_never_spends(http: httpx.AsyncClient, rt: Runtime):
    """Telegram's preview, a scanner, the person's second look: a GET shows a button and whose panel it is."""
    token = await link(rt, await admin(rt))
    for _ in range(5):
        page = await http.get(
            f"/admin/login/{token}", headers={"User-Agent": "TelegramBot (like TwitterBot)"}
        )
        assert page.status_code == 200 and "Anna" in page.text and 'method="post"' in page.text
        assert "set-cookie" not in page.headers and page.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert token not in page.text
        # the address holds the key: no Referer; with `no-referrer` the form's Origin would be null
        assert page.headers["referrer-policy"] == "strict-origin"
    assert (await press(http, token)).status_code == 303


async def test_the_link_becomes_a_session_and_a_resume_secret(http: httpx.AsyncClient, rt: Runtime):
    """No secret stands in an address: the cookie comes with the redirect, the panel exchanges it."""
    actor = await admin(rt)
    token = await link(rt, actor)
    answer = await press(http, token)
    cookie = answer.headers["set-cookie"]
    for part in ("HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/api/auth", "Max-Age=43200"):
        assert part in cookie
    assert answer.headers["location"] == "/admin/#signed-in"
    secret = cookie.partition("=")[2].partition(";")[0]
    resumed = await http.post("/api/auth/resume", headers={"Cookie": f"tga_refresh={secret}", **HERE})
    assert resumed.json()["telegram_id"] == actor.telegram_id
    bearer = {"Authorization": f"Bearer {resumed.json()['access_token']}"}
    http.cookies.clear()
    assert (await http.get("/api/users/me", headers=bearer)).json()["role"] == "admin"
    async with rt.db.transaction() as db:
        session = await sessions.resume(db, resumed.json()["resume_secret"])
        written = (await db.exec(select(SignIn).where(SignIn.user_id == actor.user_id))).all()
    assert session.door == "admin"
    assert session.expires_at - datetime.now(UTC) < timedelta(hours=12, minutes=1)
    assert [(one.door, one.outcome) for one in written] == [("admin", "ok")]


async def test_twenty_presses_at_once(http: httpx.AsyncClient, rt: Runtime):
    """One gets in; the others are told that the link was used, and leave no session behind."""
    actor = await admin(rt)
    token = await link(rt, actor)
    answers = await asyncio.gather(*(press(http, token) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [303] + [410] * 19
    assert len(await sessions_of(rt, actor)) == 1
    assert (await http.get(f"/admin/login/{token}")).status_code == 410


async def test_after_ten_minutes(http: httpx.AsyncClient, rt: Runtime):
    """Ten minutes and a second later it opens nothing."""
    actor = await admin(rt)
    token = await link(rt, actor)
    async with rt.db.transaction() as db:
        row = await db.get_one(OneTimeLink, sessions.digest(token))
        assert row.expires_at - row.created_at <= timedelta(minutes=10)
        row.expires_at = datetime.now(UTC) - timedelta(seconds=1)
    assert (await http.get(f"/admin/login/{token}")).status_code == 404
    assert (await press(http, token)).status_code == 404
    assert await sessions_of(rt, actor) == []


async def test_a_newer_link_ends_the_older(http: httpx.AsyncClient, rt: Runtime):
    """One that lies about in a chat is worth nothing once another was asked for."""
    actor = await admin(rt)
    old, new = await link(rt, actor), await link(rt, actor)
    assert (await press(http, old)).status_code == 404
    assert (await press(http, new)).status_code == 303


@pytest.mark.parametrize("role", [None, Role.user])
async def test_for_nobody_but_admins(rt: Runtime, role: Role | None):
    """A user and a stranger get no link."""
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), next(NEXT), role) if role else await person(db, next(NEXT))
    with pytest.raises(NotAllowed):
        await link(rt, actor)


@pytest.mark.parametrize("change", [{"role": "user"}, {"disabled": True}])
async def test_rights_lost_in_between(http: httpx.AsyncClient, rt: Runtime, change: dict[str, Any]):
    """Made by an admin, opened by somebody who is none any more: nothing, and not spent by the way."""
    actor = await admin(rt)
    token = await link(rt, actor)
    async with all_tenants(rt) as db:
        mine = update(Membership).where(col(Membership.user_id) == actor.user_id)
        await db.exec(mine.values(**change))
    assert (await http.get(f"/admin/login/{token}")).status_code in (403, 404)
    assert (await press(http, token)).status_code in (403, 404)
    assert await sessions_of(rt, actor) == []


async def test_one_links_purpose_is_not_anothers(http: httpx.AsyncClient, rt: Runtime):
    """The second screen's link opens no panel, the panel's no second screen, a refresh token neither."""
    actor = await admin(rt)
    async with rt.db.transaction(actor.tenant_id) as db:
        connect = (await logins.start(db, actor, device="x")).link_token
        refresh = (await sessions.start(db, actor.user_id, device="x", now=datetime.now(UTC))).refresh_token
    panel = await link(rt, actor)
    for wrong in (
        connect,
        refresh,
        "",
        "x",
        "é",
        "A" * 43,
        "A" * 5000,
        "%00",
        "'--",
        "../static/connect.css",
    ):
        assert (await press(http, wrong)).status_code in (404, 405), wrong
    assert (await http.get(f"/tg/connect/{panel}")).status_code == 404
    assert (await http.post(f"/tg/connect/{panel}", headers=HERE)).status_code == 404
    assert (await press(http, panel)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
    ],
    ids=str,
)
async def test_pressed_by_a_foreign_page(http: httpx.AsyncClient, rt: Runtime, headers: dict[str, str]):
    """Nobody is signed in as somebody else behind their back; the link stays good for its owner."""
    actor = await admin(rt)
    token = await link(rt, actor)
    foreign = await press(http, token, **headers)
    assert foreign.status_code == 403 and "set-cookie" not in foreign.headers
    assert (await press(http, token)).status_code == 303


async def test_the_database_and_the_log_hold_no_link(
    http: httpx.AsyncClient, rt: Runtime, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
):
    """A dump or a log opens no panel."""
    actor = await admin(rt)
    token = await link(rt, actor)
    await http.get(f"/admin/login/{token}")
    await press(http, token)
    async with all_tenants(rt) as db:
        rows = (await db.exec(select(OneTimeLink))).all()
        trail = (await db.exec(select(AuditEvent).where(AuditEvent.user_id == actor.user_id))).all()
    assert {"link.make", "link.spend", "session.start"} <= {one.action for one in trail}
    written = capsys.readouterr()
    for text in (str(rows), str(trail), caplog.text, written.out, written.err):
        assert token not in text


async def test_core_says_the_same_to_every_door(rt: Runtime):
    """Without HTTP, too: once, and for its purpose."""
    actor = await admin(rt)
    token = await link(rt, actor)
    async with rt.db.transaction() as db:
        assert (await one_time_links.spend(db, token, Purpose.admin)).user_id == actor.user_id
    refusals: list[type[AssistantError]] = []
    for wrong in (token, token + "x", "\ud800"):
        with pytest.raises((InviteSpent, NotFound)) as caught:
            async with rt.db.transaction() as db:
                await one_time_links.spend(db, wrong, Purpose.admin)
        refusals.append(caught.type)
    assert refusals == [InviteSpent, NotFound, NotFound]


async def test_old_links_are_forgotten(rt: Runtime):
    """A day after its time nothing is left of a link."""
    token = await link(rt, await admin(rt))
    async with rt.db.transaction() as db:
        row = await db.get_one(OneTimeLink, sessions.digest(token))
        row.expires_at = datetime.now(UTC) - timedelta(days=2)
    async with rt.db.transaction() as db:
        await one_time_links.forget_old(db)
        assert await db.get(OneTimeLink, sessions.digest(token)) is None


async def test_the_second_screens_link(http: httpx.AsyncClient, rt: Runtime):
    """The same rules: looked at often, pressed once, ten minutes, no foreign page, never a session."""
    actor = await admin(rt, Role.user)
    async with rt.db.transaction(actor.tenant_id) as db:
        started = await logins.start(db, actor, device="x", ttl=3600)
    address = f"/tg/connect/{started.link_token}"
    for _ in range(3):
        page = await http.get(address)
        assert page.status_code == 200 and "set-cookie" not in page.headers
    foreign = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    assert (await http.post(address, headers=foreign)).status_code == 403
    answers = await asyncio.gather(*(http.post(address, headers=HERE) for _ in range(20)))
    http.cookies.clear()
    assert sorted(answer.status_code for answer in answers) == [303] + [410] * 19
    [good] = [answer for answer in answers if answer.status_code == 303]
    page_token = good.headers["set-cookie"].partition("=")[2].partition(";")[0]
    for headers in ({"Authorization": f"Bearer {page_token}"}, {"Cookie": f"tga_refresh={page_token}"}):
        assert (await http.get("/api/users/me", headers=headers)).status_code == 401
        assert (await http.post("/api/auth/refresh", headers=headers)).status_code == 401
    assert await sessions_of(rt, actor) == []
    async with rt.db.transaction(actor.tenant_id) as db:
        late = await logins.start(db, actor, device="x", ttl=3600)
        past = datetime.now(UTC) - timedelta(seconds=601)
        mine = update(Login).where(col(Login.id) == late.login.id)
        await db.exec(mine.values(created_at=past))
    assert (await http.post(f"/tg/connect/{late.link_token}", headers=HERE)).status_code == 404
