"""The product where the browser keeps nothing for framed sites, as Telegram Web is in some browsers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.e2e.conftest import preferences
from tests.e2e.person import PATIENCE, PHONE, Person
from tests.product import Product
from tests.stories.journey import Traveller
from tg_assistant.demo.smoke.browser import chromium_profile
from tg_assistant.demo.smoke.run import ANSWER, QUESTION

PROBE = """
for (const name of ["localStorage", "sessionStorage"]) {
  try { window[name].length; window["probed_" + name] = "works"; }
  catch (error) { window["probed_" + name] = error.name; }
}
"""


@pytest.fixture
async def forgetful(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    """Chromium with third-party storage blocked, which notes what the storages do before any page script."""
    folder = preferences(tmp_path, cookie_controls_mode=1, block_third_party_cookies=True)
    async with chromium_profile(folder, viewport=PHONE) as context:
        await context.add_init_script(PROBE)
        yield context


async def test_signs_in_and_answers_where_storage_throws(
    product: Product, settled: Callable[[str], Awaitable[Traveller]], forgetful: BrowserContext
) -> None:
    """Sign-in, moving about and asking need neither localStorage nor sessionStorage nor cookies."""
    await settled("anna")
    anna = Person(product.demo, forgetful, forgetful, "anna", phone_api=product.phone("anna"))
    await anna.takes_the_phone(platform="weba")
    await anna.enters("channels")
    frame = await anna.frame()
    assert await frame.evaluate("probed_localStorage") == "SecurityError"
    assert await frame.evaluate("probed_sessionStorage") == "SecurityError"
    assert await anna.phone.evaluate("probed_localStorage") == "works"
    await expect(anna.at("channel").first).to_be_visible(timeout=PATIENCE)
    answer = await anna.asks_in_the_app(QUESTION)
    assert answer["state"] == "done" and ANSWER in answer["text"] and answer["sources"]
