"""A page that lies open untouched loses its picture with the right to it, and nobody sees another's."""

import pytest
from playwright.async_api import Browser, Page
from sqlmodel import col, delete

from tests.attacks.redis_server import running_redis
from tests.pages.conftest import Web, serving, wait_for
from tests.people import member, tenant
from tg_assistant.core.access import one_time_links, sessions
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import members
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Channel, Membership, Role, Subscription, Tenant

_next = iter(range(6_200_000, 6_300_000))
SECRET = "Only a member reads this"
# ms from the change to a picture that is gone: a second, and what a busy machine adds. Without the hint that
# rights were lost it would be the idle look's 15 s.
SOON = 10_000


@pytest.fixture
async def owner(db: Database) -> Actor:
    async with db.transaction() as session:
        return await member(session, await tenant(session, "Lost"), next(_next), Role.owner)


@pytest.fixture
async def anna(db: Database, owner: Actor) -> Actor:
    """An admin who follows a channel with a telling title."""
    async with db.transaction(owner.tenant_id) as session:
        where = await session.get_one(Tenant, owner.tenant)
        actor = await member(session, where, next(_next), Role.admin)
        channel = Channel(tenant_id=owner.tenant, telegram_id=actor.telegram_id, title=SECRET)
        session.add(channel)
        await session.flush()
        session.add(Subscription(user_id=actor.user_id, channel_id=channel.id, tenant_id=owner.tenant))
    return actor


async def open_channels(web: Web, page: Page, anna: Actor) -> None:
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/channels/"))
    await page.get_by_text(SECRET).wait_for()


async def lose(page: Page, test_id: str) -> None:
    """Untouched, the page shows `test_id` soon, and nothing of what was there, drawn or held."""
    await page.get_by_test_id(test_id).first.wait_for(timeout=SOON)
    assert SECRET not in await page.content()


@pytest.mark.parametrize("loss", ["ended", "disabled", "removed"])
async def test_an_idle_screen_goes_with_the_right_to_it(
    web: Web, page: Page, db: Database, owner: Actor, anna: Actor, loss: str
) -> None:
    """A session ended elsewhere, a person switched off, one who is no member any more."""
    await open_channels(web, page, anna)
    async with db.transaction(owner.tenant_id) as session:
        if loss == "ended":
            [mine] = await sessions.list_(session, anna)
            await sessions.end(session, anna, mine.id)
        elif loss == "disabled":
            await members.change(session, owner, anna.user_id, version=1, disabled=True)
        else:
            await session.exec(delete(Membership).where(col(Membership.user_id) == anna.user_id))
    await lose(page, "invite-code" if loss == "removed" else "reopen")
    assert await page.get_by_text(SECRET).count() == 0


async def test_an_idle_panel_goes_with_the_role(
    web: Web, page: Page, db: Database, owner: Actor, anna: Actor
) -> None:
    """An admin made a user again: the list of people leaves the screen, which says that it is for admins."""
    await page.goto(web.open_as(anna.telegram_id, path="/admin/people/"))
    await wait_for(page, "member")
    async with db.transaction(owner.tenant_id) as session:
        await members.change(session, owner, anna.user_id, version=1, role=Role.user)
    await page.get_by_test_id("failed").wait_for(timeout=SOON)
    assert await page.get_by_test_id("member").count() == 0


async def test_an_idle_panel_in_a_browser_asks_for_a_link(
    web: Web, page: Page, db: Database, owner: Actor, anna: Actor
) -> None:
    """The session a one-time link began is ended by an owner: the open panel is gone."""
    async with db.transaction(anna.tenant_id) as session:
        token = await one_time_links.make(session, anna, Purpose.admin)
    await page.goto(f"{web.url}/admin/login/{token}")
    await page.get_by_role("button").click()
    await wait_for(page, "panel-overview")
    async with db.transaction(owner.tenant_id) as session:
        [found] = (await sessions.list_for_tenant(session, owner, user_id=anna.user_id)).items
        await sessions.end_for_member(session, owner, found.session.id)
    await page.get_by_test_id("link-needed").wait_for(timeout=SOON)
    assert await page.get_by_test_id("panel-overview").count() == 0


async def test_a_screen_still_allowed_is_left_alone(
    web: Web, page: Page, db: Database, owner: Actor, anna: Actor
) -> None:
    """Another person's loss, and a role that rises, disturb nothing; a lower one builds the screen anew."""
    await open_channels(web, page, anna)
    async with db.transaction(owner.tenant_id) as session:
        await members.change(session, owner, anna.user_id, version=1, role=Role.owner)
        await members.change(session, owner, anna.user_id, version=2, role=Role.user)
    await page.get_by_text(SECRET).wait_for()
    assert await page.get_by_test_id("reopen").count() == 0


async def test_with_redis_too(
    browser: Browser, database: Postgres, workdir, db: Database, owner: Actor, anna: Actor
) -> None:
    """With the state in Redis, an event has only some of it at hand: all of it is forgotten none the less."""
    with running_redis() as redis, serving(database, workdir, settings={"REDIS_URL": redis.url}) as web:
        context = await browser.new_context()
        page = await context.new_page()
        frames: list[str] = []
        page.on("websocket", lambda ws: ws.on("framereceived", lambda frame: frames.append(str(frame))))
        await open_channels(web, page, anna)
        async with db.transaction(owner.tenant_id) as session:
            await members.change(session, owner, anna.user_id, version=1, disabled=True)
        await lose(page, "reopen")
        frames.clear()
        await page.reload()
        await wait_for(page, "reopen")
        assert frames and SECRET not in "".join(frames)
        await context.close()
