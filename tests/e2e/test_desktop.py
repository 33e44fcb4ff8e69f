"""Telegram Desktop: the Mini App shows the login code itself, and the phone scans it from that screen."""

from playwright.async_api import expect

from tests.e2e.conftest import Arrivals, belongs, disconnects, has_devices
from tests.e2e.person import DESK, PATIENCE
from tests.product import Product


async def test_the_phone_scans_the_code_in_the_app(product: Product, arrives: Arrivals) -> None:
    """No second screen is needed where the app's own screen is one."""
    traveller = await belongs(product, "max")
    await disconnects(traveller)
    max_ = await arrives("max", platform="tdesktop", viewport=DESK)
    await max_.enters("sessions")
    await max_.at("account-connect").click()
    await max_.new_attempt().click()
    await expect(max_.at("connect-qr").locator("img")).to_be_visible(timeout=PATIENCE)
    await max_.scans()
    await has_devices(max_.phone_api, 1)
    await disconnects(traveller)
    await has_devices(max_.phone_api, 0)
