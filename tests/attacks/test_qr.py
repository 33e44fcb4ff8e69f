"""QR attempts: another person's, by any door; scanned by somebody else; cut off between success and check."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import select

from ingest.login import Attempt
from sandbox.control import Sandbox
from tests.ingest import conftest as ingesting
from tests.ingest.conftest import (
    Ingest,
    anna,
    fresh_database,
    ingest,
    ingest_rt,
    ingest_settings,
    sandbox,
    tenant,
    world_template,
)
from tests.ingest.connecting import all_of, connect, ended, eventually, forgotten, shown, start, until
from tests.people import member
from tests.people import tenant as a_tenant
from tests.servers import all_tenants
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, AuditEvent, Login, LoginStatus, Role, Tenant

__all__ = ["anna", "fresh_database", "ingest", "ingest_rt", "ingest_settings", "sandbox", "world_template"]
__all__ += ["tenant"]
NEXT = iter(range(870_000, 879_999))
PREFIXES = ("/api/tg/qr", "/tg/qr", "/qr-auth")


async def victims_attempt(rt: Runtime) -> tuple[Actor, logins.Started, str]:
    """Somebody's attempt that asks for the password, and the token of its page."""
    async with rt.db.transaction() as db:
        victim = await member(db, await a_tenant(db), next(NEXT))
    async with rt.db.transaction(victim.tenant) as db:
        started = await logins.start(db, victim, device="victim's")
    async with rt.db.transaction() as db:
        page, _ = await logins.spend(db, started.link_token)
    return victim, started, page


async def attackers(rt: Runtime, victim: Actor) -> list[Actor]:
    """A fellow member, an admin of the same group, an admin of another."""
    async with rt.db.transaction(victim.tenant) as db:
        home = await db.get_one(Tenant, victim.tenant)
    async with rt.db.transaction() as db:
        away = await a_tenant(db)
    found = []
    for where, role in ((home, Role.user), (home, Role.admin), (away, Role.admin)):
        async with rt.db.transaction() as db:
            found.append(await member(db, where, next(NEXT), role))
    return found


async def row(rt: Runtime, login_id: UUID) -> dict[str, Any]:
    async with all_tenants(rt) as db:
        return (await db.exec(select(Login).where(Login.id == login_id))).one().model_dump()


async def test_another_persons_attempt_by_its_id(
    http: httpx.AsyncClient, rt: Runtime, sign_in: Callable[..., Any]
) -> None:
    """Its state, its stream, its cancelling, its password: as if it did not exist, by every address."""
    victim, started, _ = await victims_attempt(rt)
    before = await row(rt, started.login.id)
    for actor in await attackers(rt, victim):
        own = await sign_in(actor.telegram_id)
        for prefix in PREFIXES:
            said = []
            for known in (started.login.id, uuid4()):
                http.cookies.clear()
                status = await http.get(f"{prefix}/status/{known}", headers=own)
                stream = {**own, "Accept": "text/event-stream"}
                streamed = await http.get(f"{prefix}/status/{known}", headers=stream)
                body = {"qr_session_id": str(known)}
                cancelled = await http.post(f"{prefix}/cancel", json=body, headers=own)
                secret = {"password": "hunter2 hunter2"}
                password = await http.post(f"{prefix}/password/{known}", json=secret, headers=own)
                answers = (status, streamed, cancelled, password)
                assert all("hunter2" not in answer.text for answer in answers)
                said.append([(answer.status_code, answer.json()["code"]) for answer in answers])
            assert said[0] == said[1], "what is somebody's looks like what is nobody's"
            assert all(status == 404 for status, _ in said[0]), said
    assert await row(rt, started.login.id) == before


async def test_ones_own_page_and_anothers_id(http: httpx.AsyncClient, rt: Runtime) -> None:
    """The page of the attacker's own attempt sends a password for the victim's: not taken, by neither."""
    _, theirs, _ = await victims_attempt(rt)
    _, mine, page = await victims_attempt(rt)
    before = [await row(rt, one.login.id) for one in (theirs, mine)]
    http.cookies.clear()
    cookie = {"Cookie": f"tga_connect={page}"}
    answer = await http.post(
        f"/api/tg/qr/password/{theirs.login.id}", json={"password": "hunter2 hunter2"}, headers=cookie
    )
    assert answer.status_code == 404 and "hunter2" not in answer.text
    assert [await row(rt, one.login.id) for one in (theirs, mine)] == before


async def test_a_start_for_somebody_else(
    http: httpx.AsyncClient, rt: Runtime, sign_in: Callable[..., Any]
) -> None:
    """`telegram_user_id` of another person starts nothing in their name, nor anything in one's own."""
    victim, _, _ = await victims_attempt(rt)
    [fellow, *_] = await attackers(rt, victim)
    body = {"telegram_user_id": victim.telegram_id}
    answer = await http.post("/api/tg/qr/start", json=body, headers=await sign_in(fellow.telegram_id))
    assert 400 <= answer.status_code < 500, answer.text
    async with all_tenants(rt) as db:
        theirs = (await db.exec(select(Login).where(Login.user_id == victim.user_id))).all()
        assert len(theirs) == 1
        assert (await db.exec(select(Login).where(Login.user_id == fellow.user_id))).all() == []


async def test_somebody_with_an_account_of_their_own_scans(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, tenant: Tenant, anna: Actor
) -> None:
    """QRLJacking of a fellow member: nothing of Max's comes to Anna, and Max's own account goes on."""
    max_ = await ingesting.member(ingest_rt, sandbox, tenant, "max")
    async with ingest.running():
        own = await connect(ingest_rt, sandbox, max_, "max")
        started = await start(ingest_rt, anna)
        sandbox.phone("max").scan(await shown(ingest_rt, anna, started.login.id))
        login = await until(ingest_rt, anna, started.login.id, ended(LoginStatus.failed))
        assert (login.reason, login.account_id, login.qr_url) == ("ownership_mismatch", None, None)
        await eventually(lambda: forgotten(ingest_rt))
        await eventually(lambda: len(sandbox.phone("max").sessions()) == 1)
    [kept] = await all_of(ingest_rt, Account)
    assert (kept.id, kept.user_id, kept.status) == (own.id, max_.user_id, "connected")
    assert [event.action for event in await all_of(ingest_rt, AuditEvent)].count("account.mismatch") == 1


@pytest.mark.parametrize("who", ["anna", "max"])
async def test_cut_off_between_success_and_check(
    ingest_rt: Runtime,
    sandbox: Sandbox,
    ingest: Ingest,
    anna: Actor,
    who: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Telegram has accepted the scan and ingest dies before it looks whose it is: the next one looks."""
    accepted = asyncio.Event()

    async def dies(*_: object) -> None:
        accepted.set()
        await asyncio.Event().wait()

    started = await start(ingest_rt, anna)
    with monkeypatch.context() as patch:
        patch.setattr(Attempt, "_store", dies)
        async with ingest.running():
            sandbox.phone(who).scan(await shown(ingest_rt, anna, started.login.id))
            async with asyncio.timeout(60):
                await accepted.wait()
    assert sandbox.phone(who).sessions(), "the key is good at Telegram"
    assert await all_of(ingest_rt, Account) == []
    status = LoginStatus.authorized if who == "anna" else LoginStatus.failed
    async with ingest.running():
        login = await until(ingest_rt, anna, started.login.id, ended(status))
        await eventually(lambda: forgotten(ingest_rt))
        kept = [account.user_id for account in await all_of(ingest_rt, Account)]
        if who == "max":
            await eventually(lambda: not sandbox.phone("max").sessions())
    assert login.reason == (None if who == "anna" else "ownership_mismatch")
    assert kept == ([anna.user_id] if who == "anna" else [])
