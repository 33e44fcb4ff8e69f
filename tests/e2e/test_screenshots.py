"""Every screen on phone and desktop, light and dark, ru and en; `--screenshots` writes docs/screenshots/."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Arrivals, belongs, disconnects
from tests.e2e.looks import Camera, Look, dressed
from tests.e2e.newcomers import becomes_a_stranger, is_invited
from tests.e2e.person import PATIENCE, Person
from tests.product import Product
from tests.stories.journey import Traveller

QUESTIONS = {
    "ru": "Сколько мест будет в новом читальном зале библиотеки Ветрова?",
    "en": "How much does a spare screen for the Pavo 4 cost?",
}
UNANSWERED = {
    "ru": "Какой высоты гора Килиманджаро на Марсе?",
    "en": "How tall is mount Kilimanjaro on Mars?",
}
PASSWORD = "correct horse"


@pytest.fixture(scope="module")
async def strangers(product: Product) -> None:
    """Max has never been here."""
    await becomes_a_stranger(product, "max")


async def test_stranger(
    product: Product, arrives: Arrivals, strangers: None, look: Look, camera: Camera
) -> None:
    """Somebody without an invite is told what this is and where a code goes."""
    somebody = await dressed(product, arrives, look, "max")
    await somebody.phone.get_by_test_id("menu-button").click()
    await camera.takes("invite", somebody.phone, somebody.at("invite-code"), somebody.at("invite-submit"))


@pytest.fixture(scope="module")
async def unconnected(product: Product) -> None:
    """Max is a member without an account."""
    await product.phone("max").starts(f"inv_{await is_invited(product, 'max')}")


async def test_connecting(
    product: Product, arrives: Arrivals, unconnected: None, look: Look, camera: Camera
) -> None:
    """From the first screen to the connected account, on both screens, with a cloud password between."""
    somebody = await dressed(product, arrives, look, "max")
    await is_invited(product, "max")  # in the look's language
    await somebody.phone_api.put("/two-factor", password=PASSWORD, hint="battery staple")
    phone = somebody.phone
    await camera.takes("bot-start", phone, phone.get_by_test_id("message-in").last)
    await phone.get_by_test_id("menu-button").click()
    await camera.takes("home", phone, somebody.at("home-next"), somebody.at("tab-ask"))
    await somebody.turns_to("channels")
    await camera.takes("channels-empty", phone, somebody.at("empty"))
    await somebody.turns_to("sessions")
    await camera.takes("sessions-empty", phone, somebody.at("account-connect"))
    await somebody.at("account-connect").click()
    await camera.takes("connect-intro", phone, somebody.at("connect-start"))
    await somebody.at("connect-start").click()
    link = somebody.at("connect-link")
    await expect(link).to_contain_text("/tg/connect/", timeout=PATIENCE)
    code = "connect-link-qr" if look.device == "phone" else "connect-qr"
    ready = somebody.app().locator("[data-testid=connect-status][data-status=awaiting_scan]")
    await camera.takes("connect", phone, link, somebody.at(code), ready)
    await _another_person_scans(product, somebody, camera)
    second = await _second_screen(somebody, camera, await link.inner_text())
    await _scans(somebody, camera)
    await _gives_the_password(somebody, camera, second)
    await camera.takes("connect-done", phone, somebody.at("connect-done"))
    await _picks_channels(product, somebody, camera)
    await _leaves(await belongs(product, "max"))
    await somebody.phone_api.delete("/two-factor")


async def _picks_channels(product: Product, somebody: Person, camera: Camera) -> None:
    """Telegram answers slowly, so that some channels are read and others wait."""
    await product.control("delay", method="messages.getHistory", seconds=4.0, times=30)
    picked = await somebody.picks_channels()
    arriving = somebody.at("channel").locator("[role=progressbar]")
    await expect(arriving).not_to_have_count(picked, timeout=PATIENCE)
    await camera.takes("channels-arriving", somebody.phone, arriving.first)
    await product.control("clear-faults")


async def _leaves(traveller: Traveller) -> None:
    """Nothing followed and no account, as before."""
    for channel in (await traveller.rest("GET", "/api/channels"))["items"]:
        await traveller.rest("DELETE", f"/api/channels/{channel['id']}")
    await disconnects(traveller)


async def _in_a_browser(somebody: Person, camera: Camera) -> Page:
    context = await somebody.telegram.browser.new_context(**camera.look.browser)
    return await context.new_page()


async def _second_screen(somebody: Person, camera: Camera, link: str) -> Page:
    page = await _in_a_browser(somebody, camera)
    await page.goto(link.strip())
    await camera.takes("second-screen-link", page, page.get_by_test_id("connect-continue"))
    await page.get_by_test_id("connect-continue").click()
    await camera.takes("second-screen-qr", page, page.get_by_test_id("connect-qr"))
    return page


async def _another_person_scans(product: Product, somebody: Person, camera: Camera) -> None:
    """The attempt fails, and the next one begins."""
    first = await somebody.at("connect-link").inner_text()
    second = await _in_a_browser(somebody, camera)
    await second.goto(first.strip())
    await second.get_by_test_id("connect-continue").click()
    await expect(second.get_by_test_id("connect-qr")).to_be_visible(timeout=PATIENCE)
    await product.phone("anna").scans()
    await camera.takes("connect-failed", somebody.phone, somebody.at("connect-failed"))
    await expect(second.get_by_test_id("connect-qr")).to_be_hidden(timeout=PATIENCE)
    await camera.takes("second-screen-failed", second, second.get_by_test_id("connect-title"))
    await second.goto(first.strip())  # the link is spent
    await camera.takes("second-screen-closed", second, second.locator("main"))
    await second.context.close()
    await somebody.at("connect-retry").click()
    await expect(somebody.at("connect-link")).not_to_have_text(first, timeout=PATIENCE)


async def _scans(somebody: Person, camera: Camera) -> None:
    page = await somebody.telegram.new_page()
    await page.goto(f"{somebody.demo.phone_url}/#/{somebody.person}")
    await camera.takes("phone-chats", page, page.get_by_test_id("chats"))
    await page.goto(f"{somebody.demo.phone_url}/#/{somebody.person}/settings/devices/scan")
    await camera.takes("phone-scanner", page, page.get_by_test_id("scan-code-1"))
    await page.get_by_test_id("scan-code-1").click()
    await page.get_by_test_id("scan-confirm").click()
    await expect(page.get_by_test_id("scanner")).to_be_hidden(timeout=PATIENCE)
    await camera.takes("phone-devices", page, page.get_by_test_id("link-device"))
    await page.close()


async def _gives_the_password(somebody: Person, camera: Camera, second: Page) -> None:
    field = second.get_by_test_id("connect-password")
    await camera.takes("second-screen-password", second, field)
    await camera.takes("connect-password", somebody.phone, somebody.at("connect-password"))
    await field.fill(PASSWORD)
    await second.get_by_test_id("connect-password-send").click()
    await expect(second.locator("#done")).to_be_visible(timeout=PATIENCE)
    await camera.takes("second-screen-done", second, second.get_by_test_id("connect-title"))
    await second.context.close()


async def test_settled(product: Product, arrives: Arrivals, settled, look: Look, camera: Camera) -> None:
    """What a member sees every day: channels, questions, sources, sessions."""
    await settled("anna")
    anna = await dressed(product, arrives, look, "anna")
    phone = anna.phone
    await anna.enters()
    await anna.turns_to("ask")
    await camera.takes("ask-empty", phone, anna.at("ask-empty"))
    await anna.turns_to("channels")
    await camera.takes("channels", phone, anna.at("channel").first, anna.at("channels-add"))
    await anna.at("channel").first.click()
    await camera.takes("channel-sheet", phone, anna.at("channel-sheet"))
    await anna.at("sheet-close").click(position={"x": 30, "y": 30})
    await anna.at("channels-add").click()
    await camera.takes("add", phone, anna.at("available").first, anna.at("add-link"))
    await anna.asks_in_the_app(UNANSWERED[look.language])
    await anna.asks_in_the_app(QUESTIONS[look.language])
    await camera.takes("ask", phone, anna.at("answer").last, anna.at("source").last)
    await anna.at("source").last.click()
    await camera.takes("source", phone, anna.at("source-sheet"))
    await anna.at("sheet-close").click(position={"x": 30, "y": 30})
    await anna.phone.get_by_test_id("webapp-close").click()
    await anna.enters()
    await camera.takes("reopened", phone, anna.at("answer").last.or_(anna.at("home-next")).first)
    await anna.turns_to("sessions")
    await camera.takes("sessions", phone, anna.at("account"), anna.at("app-session").first)
    await anna.asks_in_the_bot(QUESTIONS[look.language])
    await camera.takes("bot", phone, phone.get_by_test_id("message-in").last)
