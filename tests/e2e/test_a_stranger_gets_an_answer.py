"""The main job by hand in Chromium: an invitation, a QR, channels, an answer whose sources open the posts."""

from playwright.async_api import expect

from tests.e2e.conftest import Arrivals
from tests.e2e.person import PATIENCE, Person
from tests.product import Product
from tg_assistant.demo.smoke.run import ANSWER, QUESTION


async def test_from_the_invitation_to_a_cited_answer(product: Product, arrives: Arrivals) -> None:
    """Every step through the screens a person sees, the app in a frame of another site than Telegram's."""
    anna = await arrives("anna")
    await anna.phone.close()
    await anna.opens_the_invitation()
    await anna.opens_the_app()
    assert (await anna.frame()).url.startswith(product.demo.web_url)
    assert "localhost" in anna.phone.url and "tgWebAppData" not in (await anna.frame()).url
    await anna.opens_the_second_screen(await anna.starts_connecting())
    await anna.scans()
    picked = await anna.picks_channels()
    assert picked >= 5
    await anna.watches_them_arrive()
    answer = await anna.asks_in_the_app(QUESTION)
    assert answer["state"] == "done" and ANSWER in answer["text"] and answer["sources"] >= 1
    await _opens_the_post_behind(anna)


async def _opens_the_post_behind(anna: Person) -> None:
    """A number in the answer opens its source, and that opens the very post in the phone."""
    await anna.at("cite").last.click()
    await expect(anna.at("source-sheet")).to_be_visible()
    url = await anna.at("source").last.get_attribute("data-url")
    assert url and url.startswith("https://t.me/")
    button = anna.phone.get_by_test_id("main-button")
    await expect(button).to_be_visible(timeout=PATIENCE)
    await button.click()
    post = anna.phone.get_by_test_id(f"post-{url.rsplit('/', 1)[1]}")
    await expect(post).to_be_visible(timeout=PATIENCE)
