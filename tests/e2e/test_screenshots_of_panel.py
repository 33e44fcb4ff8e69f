"""The admin panel's screens, photographed like the Mini App's, in an ordinary browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page

from tests.e2e.conftest import Browsers
from tests.e2e.group import Group, owned_by
from tests.e2e.looks import Camera, Look
from tests.e2e.test_screenshots import QUESTIONS, UNANSWERED
from tests.product import Product

SECTIONS = {
    "people": "member",
    "invites": "invite",
    "channels": "group-channel",
    "queue": "job",
    "trail": "trail-line",
    "switches": "flag",
}
SHEETS = {"people": "member-sheet", "invites": "invite-sheet"}


@pytest.fixture(scope="module")
async def group(product: Product, settled) -> AsyncIterator[Group]:
    """Anna's group: she has asked, others have joined."""
    anna = await settled("anna")
    for question in (*QUESTIONS.values(), UNANSWERED["en"]):
        await anna.ask(question)
    me = await anna.rest("GET", "/api/users/me")
    async with owned_by(product, me["telegram_id"]) as found:
        yield found


async def test_panel(product: Product, browsers: Browsers, group: Group, look: Look, camera: Camera) -> None:
    """From the one-time link through every section, with what opens in them."""
    context = await browsers(**look.browser)
    page = await context.new_page()
    await page.goto(f"{product.demo.web_url}/admin/")
    await camera.takes("panel-no-link", page, page.get_by_test_id("link-needed"))
    await page.goto(f"{product.demo.web_url}/admin/login/{await group.link(look.language)}")
    await camera.takes("panel-link", page, page.get_by_role("button"))
    await page.get_by_role("button").click()
    await camera.takes("panel-overview", page, page.get_by_test_id("fact").nth(5))
    for section, mark in SECTIONS.items():
        await page.get_by_test_id(f"panel-{section}").click()
        await camera.takes(f"panel-{section}", page, page.get_by_test_id(mark).nth(1))
        await _opens(page, section, mark, camera)


async def _opens(page: Page, section: str, mark: str, camera: Camera) -> None:
    if section not in SHEETS:
        return
    await page.get_by_test_id(mark).nth(3 if section == "people" else -1).click()
    await camera.takes(f"panel-{section}-sheet", page, page.get_by_test_id(SHEETS[section]))
    await page.get_by_test_id("sheet-close").click(position={"x": 30, "y": 30})
    await page.get_by_test_id(SHEETS[section]).wait_for(state="hidden")
