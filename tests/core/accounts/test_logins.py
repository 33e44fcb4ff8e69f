"""Attempts to connect as the doors see them: the one-use link, its page, the limits, other people's ids."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlmodel import col, select

from tg_assistant.core.access import sign_in
from tg_assistant.core.access.init_data import TelegramPerson
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import invites, tenants
from tg_assistant.errors import Invalid, InviteSpent, NotFound
from tg_assistant.infra.crypto import PasswordBox
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login, Role


@pytest.fixture
async def people(rt: Runtime) -> AsyncIterator[tuple[Actor, Actor]]:
    """Two members of one tenant."""
    async with rt.db.transaction() as db:
        tenant, _ = await tenants.create(db, "Readers")
    yield await member(rt, tenant.id), await member(rt, tenant.id)


async def member(rt: Runtime, tenant_id) -> Actor:
    async with rt.db.transaction(tenant_id) as db:
        person = TelegramPerson(uuid4().int % 2**40, "Anna", "L.", None, "en")
        met = await sign_in.upsert_user(db, person, door="test")
        invite = invites.new(tenant_id, role=Role.user)
        db.add(invite)
        await db.flush()
        await invites.redeem(db, met, invite.code)
        return await sign_in.actor(db, met.user_id, door="test")


async def start(rt: Runtime, actor: Actor) -> logins.Started:
    async with rt.db.transaction(actor.tenant) as db:
        return await logins.start(db, actor)


async def test_at_most_three_attempts_are_alive(rt: Runtime, people: tuple[Actor, Actor]) -> None:
    """Twenty starts at once leave three; the others read that a newer one replaced them."""
    anna, _ = people
    await asyncio.gather(*(start(rt, anna) for _ in range(20)))
    async with rt.db.transaction(anna.tenant) as db:
        rows = (await db.exec(select(Login).where(Login.user_id == anna.user_id))).all()
    assert sorted(row.status for row in rows) == ["cancelled"] * 17 + ["pending"] * 3
    assert {row.reason for row in rows if row.status == "cancelled"} == {"replaced"}


async def test_a_link_is_good_for_one_page(rt: Runtime, people: tuple[Actor, Actor]) -> None:
    """Looking never spends it; of ten screens that spend it at once, one gets the page."""
    anna, _ = people
    started = await start(rt, anna)
    for _ in range(2):
        async with rt.db.transaction() as db:
            view = await logins.look(db, started.link_token)
        assert (view.who, view.language, view.spent) == ("Anna L.", "en", False)

    async def spend() -> str | None:
        try:
            async with rt.db.transaction() as db:
                return (await logins.spend(db, started.link_token))[0]
        except InviteSpent:
            return None

    (page,) = [token for token in await asyncio.gather(*(spend() for _ in range(10))) if token]
    async with rt.db.transaction() as db:
        assert (await logins.by_page(db, page)).id == started.login.id
        assert (await logins.look(db, started.link_token)).spent


async def test_unknown_tokens_are_not_found(rt: Runtime, people: tuple[Actor, Actor]) -> None:
    """A made-up link, a link used as a page's token, and the link of an ended attempt."""
    anna, _ = people
    started = await start(rt, anna)
    for ask, token in ((logins.look, "x" * 43), (logins.by_page, started.link_token), (logins.by_page, "")):
        with pytest.raises(NotFound):
            async with rt.db.transaction() as db:
                await ask(db, token)
    async with rt.db.transaction(anna.tenant) as db:
        await logins.cancel(db, anna, started.login.id)
    with pytest.raises(NotFound):
        async with rt.db.transaction() as db:
            await logins.look(db, started.link_token)


async def test_another_persons_attempt_does_not_exist(rt: Runtime, people: tuple[Actor, Actor]) -> None:
    """Status, cancelling and watching answer a foreign id as they answer a made-up one."""
    anna, other = people
    started = await start(rt, anna)
    for login_id in (started.login.id, uuid4()):
        for ask in (logins.status, logins.cancel):
            with pytest.raises(NotFound):
                async with rt.db.transaction(other.tenant) as db:
                    await ask(db, other, login_id)
        with pytest.raises(NotFound):
            await anext(logins.watch(rt, other, login_id))


async def test_a_password_is_taken_only_when_asked_for_and_only_sealed(
    rt: Runtime, people: tuple[Actor, Actor]
) -> None:
    """Not before it is asked, not empty, not endless; in the row it stands sealed to ingest's key."""
    anna, _ = people
    started = await start(rt, anna)
    async with rt.db.transaction() as db:
        page, _ = await logins.spend(db, started.link_token)
    with pytest.raises(Invalid, match="no_password_asked"):
        await give(rt, page, "secret")
    box = PasswordBox(started.login.id)
    values = {"status": "password_required", "password_key": box.public}
    async with rt.db.transaction(anna.tenant) as db:
        await db.exec(update(Login).where(col(Login.id) == started.login.id).values(**values))
    for wrong in ("", "x" * 257):
        with pytest.raises(Invalid, match="password_length"):
            await give(rt, page, wrong)
    login = await give(rt, page, "secret")
    assert login.password_waiting
    async with rt.db.transaction(anna.tenant) as db:
        sealed = (await db.exec(select(Login.password_sealed).where(Login.id == login.id))).one()
    assert b"secret" not in (sealed or b"")
    assert box.open(sealed or b"") == "secret"


async def give(rt: Runtime, page: str, password: str) -> Login:
    async with rt.db.transaction() as db:
        return await logins.submit_password(db, page, password)


async def test_watching_ends_with_the_attempt(rt: Runtime, people: tuple[Actor, Actor]) -> None:
    """The watcher sees the start, then the end at once, and no more; cancelling twice is harmless."""
    anna, _ = people
    started = await start(rt, anna)
    seen: list[str] = []

    async def watch() -> None:
        async for login in logins.watch(rt, anna, started.login.id):
            seen.append(login.status)

    watching = asyncio.create_task(watch())
    async with asyncio.timeout(60):
        while not seen:  # noqa: ASYNC110 - a list
            await asyncio.sleep(0.05)
    for _ in range(2):
        async with rt.db.transaction(anna.tenant) as db:
            await logins.cancel(db, anna, started.login.id)
    async with asyncio.timeout(60):
        await watching
    assert seen == ["pending", "cancelled"]
