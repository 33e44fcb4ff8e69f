"""Every screen on phone and desktop, light and dark, ru and en; `--screenshots` writes docs/screenshots/."""

import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.e2e.conftest import Arrivals, belongs, disconnects
from tests.e2e.newcomers import becomes_a_stranger, is_invited
from tests.e2e.person import DESK, PATIENCE, PHONE, Person
from tests.product import Product

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
QUESTIONS = {
    "ru": "Сколько мест будет в новом читальном зале библиотеки Ветрова?",
    "en": "How much does a spare screen for the Pavo 4 cost?",
}
UNANSWERED = {
    "ru": "Какой высоты гора Килиманджаро на Марсе?",
    "en": "How tall is mount Kilimanjaro on Mars?",
}
# Kept as files for the desktop too; the chat around the app makes them four times as large.
ON_A_DESK = {"home", "connect", "second-screen-qr", "channels", "ask", "source", "sessions", "bot"}
PASSWORD = "correct horse"


@dataclass(frozen=True)
class Look:
    """A device, a theme and a language: how one person sees everything."""

    device: str
    theme: str
    language: str

    def __str__(self) -> str:
        return f"{self.device}-{self.theme}-{self.language}"

    @property
    def browser(self) -> dict[str, object]:
        viewport = PHONE if self.device == "phone" else DESK
        return {
            "viewport": viewport,
            "color_scheme": self.theme,
            "locale": self.language,
            "reduced_motion": "reduce",
        }

    @property
    def platform(self) -> str:
        return "ios" if self.device == "phone" else "tdesktop"


ALL = [
    Look(device, theme, language)
    for device in ("phone", "desktop")
    for theme in ("light", "dark")
    for language in ("ru", "en")
]
SHORT = [Look("phone", "light", "ru"), Look("desktop", "dark", "en")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "look" in metafunc.fixturenames:
        looks = ALL if metafunc.config.getoption("screenshots", False) else SHORT
        metafunc.parametrize("look", looks, ids=str)


@dataclass
class Camera:
    look: Look
    writes: bool

    async def takes(self, screen: str, page: Page, *elements: Locator) -> None:
        """Wait for what the screen is about; with `--screenshots`, keep a small picture of it."""
        for element in elements:
            await expect(element).to_be_visible(timeout=PATIENCE)
        if self.writes and (self.look.device == "phone" or screen in ON_A_DESK):
            await page.wait_for_timeout(350)  # transitions
            FOLDER.mkdir(parents=True, exist_ok=True)
            picture = Image.open(io.BytesIO(await page.screenshot(animations="disabled")))
            method = Image.Quantize.FASTOCTREE  # smallest, and keeps the avatars' colours
            small = picture.convert("RGB").quantize(256, method=method, dither=Image.Dither.NONE)
            small.save(FOLDER / f"{screen}-{self.look}.png", optimize=True)


@pytest.fixture
def camera(look: Look, request: pytest.FixtureRequest) -> Camera:
    return Camera(look, bool(request.config.getoption("screenshots", False)))


async def _dressed(product: Product, arrives: Arrivals, look: Look, name: str) -> Person:
    await product.phone(name).patch("/settings", theme=look.theme, language=look.language)
    return await arrives(name, platform=look.platform, **look.browser)


@pytest.fixture(scope="module")
async def strangers(product: Product) -> None:
    """Max has never been here."""
    await becomes_a_stranger(product, "max")


async def test_stranger(
    product: Product, arrives: Arrivals, strangers: None, look: Look, camera: Camera
) -> None:
    """Somebody without an invite is told what this is and where a code goes."""
    somebody = await _dressed(product, arrives, look, "max")
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
    somebody = await _dressed(product, arrives, look, "max")
    await somebody.phone_api.put("/two-factor", password=PASSWORD, hint="battery staple")
    phone = somebody.phone
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
    second = await _second_screen(somebody, camera, await link.inner_text())
    await _scans(somebody, camera)
    await _gives_the_password(somebody, camera, second)
    await camera.takes("connect-done", phone, somebody.at("connect-done"))
    await disconnects(await belongs(product, "max"))
    await somebody.phone_api.delete("/two-factor")


async def _second_screen(somebody: Person, camera: Camera, link: str) -> Page:
    context = await somebody.telegram.browser.new_context(**camera.look.browser)  # type: ignore[union-attr]
    page = await context.new_page()
    await page.goto(link.strip())
    await camera.takes("second-screen-link", page, page.get_by_test_id("connect-continue"))
    await page.get_by_test_id("connect-continue").click()
    await camera.takes("second-screen-qr", page, page.get_by_test_id("connect-qr"))
    return page


async def _scans(somebody: Person, camera: Camera) -> None:
    page = await somebody.telegram.new_page()
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
    anna = await _dressed(product, arrives, look, "anna")
    phone = anna.phone
    await anna.enters("channels")
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
    await anna.turns_to("sessions")
    await camera.takes("sessions", phone, anna.at("account"), anna.at("app-session").first)
    await anna.asks_in_the_bot(QUESTIONS[look.language])
    await camera.takes("bot", phone, phone.get_by_test_id("message-in").last)
