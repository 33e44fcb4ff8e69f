"""What a session began to connect ends with it: its link, its page, its code; whichever way it ends."""

import asyncio
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, delete, select, update

from tests.people import member, tenant
from tests.servers import all_tenants
from tg_assistant.core.access import revocation, sessions, sign_in
from tg_assistant.core.accounts import logins
from tg_assistant.core.group import members
from tg_assistant.core.names import Topic
from tg_assistant.core.privacy import erasure
from tg_assistant.errors import AssistantError, InviteSpent, NotFound, SignInNeeded
from tg_assistant.models import AppSession, Login, Membership, Role, Tenant

_next = iter(range(7_800_000, 7_900_000))
BROWSER = "Mozilla/5.0 (one browser)"


async def ended(rt, _, anna, session):
    async with rt.db.transaction(anna.tenant_id) as db:
        await sessions.end(db, anna, session.id)


async def ended_by_an_admin(rt, owner, _, session):
    async with rt.db.transaction(owner.tenant_id) as db:
        await sessions.end_for_member(db, owner, session.id)


async def token_stolen(rt, _, anna, session):
    now = datetime.now(UTC)
    for later in (0, 60):
        async with rt.db.transaction(anna.tenant_id) as db:
            with suppress(SignInNeeded):  # the door commits the ending, too
                await sessions.refresh(db, session.refresh_token, now=now + timedelta(seconds=later))


async def left_behind(rt, _, anna, session):
    async with rt.db.transaction() as db:
        old = update(AppSession).where(col(AppSession.id) == session.id)
        await db.exec(old.values(last_seen_at=datetime.now(UTC) - timedelta(days=2)))
        await sessions.start(db, anna.user_id, device=BROWSER, now=datetime.now(UTC))


async def ran_out(rt, _, __, session):
    async with rt.db.transaction() as db:
        over = update(AppSession).where(col(AppSession.id) == session.id)
        await db.exec(over.values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))


async def forgotten(rt, _, __, session):
    async with all_tenants(rt) as db:
        await db.exec(delete(AppSession).where(col(AppSession.id) == session.id))


async def disabled(rt, owner, anna, _):
    async with rt.db.transaction(owner.tenant_id) as db:
        await members.change(db, owner, anna.user_id, version=1, disabled=True)


async def erased(rt, _, anna, __):
    async with all_tenants(rt) as db:  # no ingest is running that would log the half-made key out
        await db.exec(update(Login).where(col(Login.user_id) == anna.user_id).values(pending_session=None))
    await erasure.erase(rt, anna)


async def group_gone(rt, owner, _, __):
    async with rt.db.transaction(owner.tenant_id) as db:
        await db.exec(delete(Tenant).where(col(Tenant.id) == owner.tenant_id))


WAYS = [ended, ended_by_an_admin, token_stolen, left_behind, ran_out, forgotten, disabled, erased, group_gone]


@pytest.fixture
async def begun(rt):
    """An owner; Anna, her session, the attempt it began with a code shown, and the second screen's page."""
    async with rt.db.transaction() as db:
        where = await tenant(db)
        owner = await member(db, where, next(_next), Role.owner)
        anna = await member(db, where, next(_next))
        session = await sessions.start(db, anna.user_id, device=BROWSER, now=datetime.now(UTC))
    async with rt.db.transaction() as db:
        anna = await sign_in.by_session(db, session.id)
    async with rt.db.transaction(anna.tenant) as db:
        other = await logins.start(db, anna)
        started = await logins.start(db, anna)
    async with rt.db.transaction() as db:
        page, _ = await logins.spend(db, started.link_token)
    shown = {"status": "awaiting_scan", "qr_url": "tg://login?token=x", "pending_session": b"sealed"}
    async with all_tenants(rt) as db:
        await db.exec(update(Login).where(col(Login.id) == started.login.id).values(**shown))
    return owner, anna, session, other, started, page


async def watched(rt, anna, login_id, first: asyncio.Event) -> list[str]:
    """What the stream of the attempt says, to its end; `first` is set once it has said something."""
    seen = []
    try:
        async with aclosing(revocation.watched(rt, anna, logins.watch(rt, anna, login_id))) as steps:
            async for login in steps:
                seen.append(login.status)
                first.set()
    except AssistantError as error:
        seen.append(error.code)
    return seen


@pytest.mark.parametrize("way", WAYS)
async def test_the_page_and_the_attempt_end_with_the_session(rt, begun, way):
    """The page and an unspent link are refused, the code is gone, streams end, the key is to log out."""
    owner, anna, session, other, started, page = begun
    first = asyncio.Event()
    watching = asyncio.create_task(watched(rt, anna, started.login.id, first))
    async with asyncio.timeout(60):
        await first.wait()
    async with rt.db.transaction() as db:
        assert (await logins.by_page(db, page)).qr_url
    async with rt.events.listening(Topic.login, str(started.login.id)) as told:
        await way(rt, owner, anna, session)
        if way not in (group_gone, forgotten):
            async with asyncio.timeout(60):
                await told.wait()  # ingest, too, waits for this
    gone = way in (erased, group_gone)
    for ask, token in (
        (logins.by_page, page),
        (logins.cancel_by_page, page),
        (lambda db, token: logins.submit_password(db, token, "x"), page),
        (logins.look, other.link_token),
        (logins.spend, other.link_token),
    ):
        with pytest.raises(NotFound if gone else InviteSpent) as refused:
            async with rt.db.transaction() as db:
                await ask(db, token)
        assert gone or refused.value.code == "logins.session_ended"
    async with all_tenants(rt) as db:
        mine = select(Login.status, Login.reason, Login.qr_url, Login.key_pending)
        rows = (
            await db.exec(mine.where(Login.user_id == anna.user_id).order_by(col(Login.created_at)))
        ).all()
    assert rows == ([] if gone else [("cancelled", "session_ended", None, n) for n in (False, True)])
    async with asyncio.timeout(60):
        seen = await watching
    assert seen[0] == "awaiting_scan" and "awaiting_scan" not in seen[1:] and len(seen) >= 2


async def test_an_attempt_outlives_no_session(rt):
    """Nothing has to notice that a session runs out: the attempt's own end is not later."""
    async with rt.db.transaction() as db:
        anna = await member(db, await tenant(db), next(_next))
        session = await sessions.start(db, anna.user_id, device="x", now=datetime.now(UTC))
        ends = datetime.now(UTC) + timedelta(seconds=90)
        over = update(AppSession).where(col(AppSession.id) == session.id)
        await db.exec(over.values(expires_at=ends))
        anna = await sign_in.by_session(db, session.id)
        assert (await logins.start(db, anna, ttl=600)).login.expires_at == ends
        assert (await logins.start(db, anna, ttl=30)).login.expires_at < ends


async def test_other_sessions_end_nothing(rt, begun):
    """Another sign-in of the same person, and one of somebody else, come and go."""
    owner, anna, _, _, started, page = begun
    async with rt.db.transaction(owner.tenant) as db:
        second = await sessions.start(db, anna.user_id, device="y", now=datetime.now(UTC))
        third = await sessions.start(db, owner.user_id, device="y", now=datetime.now(UTC))
        await sessions.end(db, anna, second.id)
        await sessions.end(db, owner, third.id)
    async with rt.db.transaction() as db:
        login = await logins.by_page(db, page)
    assert (login.id, login.status) == (started.login.id, "awaiting_scan")


async def test_who_is_no_member_any_more_has_no_page(rt):
    """Also where no session is known to have begun it: switched off past everything that ends attempts."""
    async with rt.db.transaction() as db:
        anna = await member(db, await tenant(db), next(_next))
    async with rt.db.transaction(anna.tenant) as db:
        started = await logins.start(db, anna)
    async with rt.db.transaction() as db:
        page, _ = await logins.spend(db, started.link_token)
    async with all_tenants(rt) as db:
        off = update(Membership).where(col(Membership.user_id) == anna.user_id)
        await db.exec(off.values(disabled=True))
    with pytest.raises(InviteSpent, match="session_ended"):
        async with rt.db.transaction() as db:
            await logins.by_page(db, page)
