"""The admin panel in a browser: the way in by a one-time link, and what an admin does there."""

import os

import pytest
from playwright.async_api import Page, expect
from sqlmodel import col, select

from tests.pages.conftest import People, Web, until, wait_for
from tests.people import member, tenant
from tg_assistant.core.access import one_time_links
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.accounts import flood_waits
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import members
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Account, Invite, Membership, Role, Tenant

_next = iter(range(6_000_000, 6_100_000))


@pytest.fixture
async def group(db: Database) -> Tenant:
    async with db.transaction() as session:
        return await tenant(session, "Panel")


@pytest.fixture
async def owner(db: Database, group: Tenant) -> Actor:
    async with db.transaction() as session:
        return await member(session, group, next(_next), Role.owner)


@pytest.fixture
async def panel(web: Web, page: Page, db: Database, owner: Actor) -> Page:
    """The owner's browser behind the link the bot sent."""
    async with db.transaction(owner.tenant_id) as session:
        token = await one_time_links.make(session, owner, Purpose.admin)
    await page.goto(f"{web.url}/admin/login/{token}")
    await page.get_by_role("button").click()
    await wait_for(page, "panel-overview")
    return page


async def test_the_link_leads_to_the_overview(panel: Page) -> None:
    """The number of members is there, and a reload needs no new link."""
    shown = panel.locator("[data-testid=fact][data-name=members]")
    await expect(shown).to_contain_text("1")
    await panel.reload()
    await shown.wait_for()


async def test_without_a_link_the_panel_says_how_to_get_one(web: Web, page: Page) -> None:
    """A browser that nobody signed in sees no number, only the way in."""
    await page.goto(f"{web.url}/admin/people/")
    assert "/admin" in await (await wait_for(page, "link-needed")).inner_text()


async def test_a_member_who_is_no_admin_sees_nothing(web: Web, page: Page, people: People) -> None:
    """Core refuses; the screen says it in words."""
    plain = await people.member()
    await page.goto(web.open_as(plain.telegram_id, path="/admin/people/"))
    await wait_for(page, "failed")
    assert await page.get_by_test_id("member").count() == 0


async def test_a_role_is_changed_and_seen_by_core(
    panel: Page, db: Database, group: Tenant, owner: Actor
) -> None:
    """Open a member's sheet, make them an admin, switch them off."""
    async with db.transaction() as session:
        other = await member(session, group, next(_next))
    await panel.get_by_test_id("panel-people").click()
    await panel.get_by_test_id("member").nth(1).wait_for()
    await panel.get_by_test_id("member").first.click()
    await (await wait_for(panel, "role-admin")).click()
    await wait_for(panel, "notice")
    access = panel.get_by_test_id("member-disabled")
    await expect(access).to_have_attribute("aria-checked", "true")
    await access.click()

    async def is_changed() -> bool:
        async with db.transaction(owner.tenant_id) as session:
            query = select(Membership).where(col(Membership.user_id) == other.user_id)
            row = (await session.exec(query)).one()
            return row.role == Role.admin and row.disabled

    await until(is_changed)


async def test_another_admins_change_is_not_undone_unseen(
    panel: Page, db: Database, group: Tenant, owner: Actor
) -> None:
    """The sheet shows an old version: the change is refused in words."""
    async with db.transaction() as session:
        other = await member(session, group, next(_next))
    await panel.get_by_test_id("panel-people").click()
    await panel.get_by_test_id("member").first.click()
    await wait_for(panel, "plan-plus")
    async with db.transaction(owner.tenant_id) as session:
        seen = await members.get(session, owner, other.user_id)
        await members.change(session, owner, other.user_id, version=seen.membership.version, plan="unlimited")
    await panel.get_by_test_id("plan-plus").click()
    await wait_for(panel, "notice")
    async with db.transaction(owner.tenant_id) as session:
        assert (await members.get(session, owner, other.user_id)).membership.plan == "unlimited"


async def test_an_invite_is_made_and_revoked(panel: Page, db: Database, owner: Actor) -> None:
    """The form gives a code with its picture; revoked, it leaves the list of active ones."""
    panel.on("dialog", lambda dialog: dialog.accept())
    await panel.get_by_test_id("panel-invites").click()
    await wait_for(panel, "invite")  # the list is there: the form is not built anew any more
    await (await wait_for(panel, "invite-notes")).fill("for <b>Max</b>")
    await panel.get_by_test_id("invite-uses").fill("3")
    await panel.get_by_test_id("invite-create").click()
    await expect(panel.get_by_test_id("invite-sheet")).to_contain_text("for <b>Max</b>")
    await wait_for(panel, "invite-qr")
    await panel.get_by_test_id("invite-revoke").click()

    async def is_revoked() -> bool:
        async with db.transaction(owner.tenant_id) as session:
            query = select(Invite).where(Invite.tenant_id == owner.tenant, Invite.uses_limit == 3)
            return not (await session.exec(query)).one().active

    await until(is_revoked)


@pytest.mark.parametrize("section", ["channels", "queue", "trail", "switches"])
async def test_every_section_opens(panel: Page, section: str) -> None:
    """Each tab builds its screen from the database without a fault."""
    await panel.get_by_test_id(f"panel-{section}").click()
    marks = {"channels": "none", "queue": "none", "trail": "trail-line", "switches": "flag"}
    await wait_for(panel, marks[section])
    assert await panel.get_by_test_id("failed").count() == 0


async def test_the_mini_app_leads_admins_there(web: Web, page: Page, owner: Actor, people: People) -> None:
    """An owner finds the panel on the sessions screen and needs no link; a plain member finds nothing."""
    await page.goto(web.open_as(owner.telegram_id, path="/tg/app/sessions/"))
    await (await wait_for(page, "open-panel")).click()
    await wait_for(page, "panel-people")
    plain = await people.member()
    await page.goto("about:blank")
    await page.goto(web.open_as(plain.telegram_id, path="/tg/app/sessions/"))
    await wait_for(page, "app-session")
    assert await page.get_by_test_id("open-panel").count() == 0


async def test_the_overview_says_how_the_accounts_fare(panel: Page, owner: Actor, db: Database) -> None:
    """One line an account, with a warning where Telegram asked for a wait."""
    async with db.transaction(owner.tenant_id) as session:
        own = Account(tenant_id=owner.tenant, user_id=owner.user_id, telegram_id=owner.telegram_id)
        session.add(own)
        await session.flush()
        await flood_waits.keep(session, own.id, "contacts.resolveUsername", 4000)
    await panel.reload()
    shown = await wait_for(panel, "group-account")
    await expect(shown).to_contain_text("Telegram asked for it")
    await expect(shown).to_contain_text("requests used in the last minute")
    if folder := os.environ.get("LOOK_AT"):
        await panel.screenshot(path=f"{folder}/panel.png", full_page=True)
