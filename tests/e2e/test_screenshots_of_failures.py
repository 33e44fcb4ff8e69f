"""What people see when something is missing, photographed like the screens."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from tests.e2e.cable import Cable
from tests.e2e.conftest import Arrivals, Browsers
from tests.e2e.looks import Camera, Look, dressed
from tests.e2e.person import PATIENCE, Person
from tests.phone import until
from tests.product import Product

EXCHANGE = "**/api/auth/telegram-webapp"


@pytest.fixture
async def anna(product: Product, arrives: Arrivals, settled, look: Look) -> Person:
    await settled("anna")
    return await dressed(product, arrives, look, "anna")


async def test_front_door(product: Product, browsers: Browsers, look: Look, camera: Camera) -> None:
    """The page at `/`, an address that does not exist, and the app's address in an ordinary browser."""
    context = await browsers(**look.browser)
    page = await context.new_page()
    await page.goto(product.demo.web_url)
    await camera.takes("landing", page, page.get_by_test_id("landing-open"))
    await page.goto(f"{product.demo.web_url}/nowhere")
    await camera.takes("not-found", page, page.get_by_test_id("not-found"))
    await page.goto(f"{product.demo.web_url}/tg/app/")
    await camera.takes("outside", page, page.get_by_test_id("outside"))


async def test_no_sign_in(anna: Person, camera: Camera) -> None:
    """The server cannot be reached; a press later it can."""

    async def lost(route: Route) -> None:
        await route.abort("connectionfailed")

    await anna.telegram.route(EXCHANGE, lost)
    await anna.phone.get_by_test_id("menu-button").click()
    await camera.takes("offline", anna.phone, anna.at("offline"))
    await anna.telegram.unroute(EXCHANGE)
    await anna.at("try-again").click()
    await expect(anna.at("tab-ask")).to_be_visible(timeout=PATIENCE)


async def test_while_it_loads(anna: Person, camera: Camera) -> None:
    """The socket is not open yet."""

    async def silent(_: WebSocketRoute) -> None:
        """Accept it and never answer."""

    await anna.phone.route_web_socket("**/_event/**", silent)
    await anna.phone.get_by_test_id("menu-button").click()
    await camera.takes("loading", anna.phone, anna.at("skeleton"))


async def test_in_the_middle(anna: Person, cable: Cable, camera: Camera) -> None:
    """The line goes on an open screen; then the page itself breaks."""
    await anna.enters("channels")
    await expect(anna.at("channel").first).to_be_visible(timeout=PATIENCE)
    await anna.at("channel").first.evaluate("row => { row.old = true }")
    cable.cut()
    await camera.takes("reconnecting", anna.phone, anna.at("offline-banner"), anna.at("channel").first)
    cable.mend()
    await expect(anna.at("offline-banner")).to_be_hidden(timeout=PATIENCE)
    await until(lambda: _is_built_anew(anna), "the screen to be built anew", PATIENCE / 1000)
    await (await anna.frame()).evaluate("window.tga = undefined")
    await anna.at("tab-sessions").click()
    await camera.takes("crashed", anna.phone, anna.at("crashed"))


async def _is_built_anew(anna: Person) -> bool:
    """There are rows, and none is from before the cut: the page's bridge has answered, too."""
    old = await anna.at("channel").evaluate_all("all => all.map(row => Boolean(row.old))")
    return bool(old) and not any(old)


async def test_screen_that_cannot_be_built(product: Product, anna: Person, camera: Camera) -> None:
    """The database fails under it."""
    with _without_subscriptions(product):
        await anna.phone.get_by_test_id("menu-button").click()
        await camera.takes("failed", anna.phone, anna.at("failed"), anna.at("try-again"))


@contextmanager
def _without_subscriptions(product: Product) -> Iterator[None]:
    with psycopg.connect(product.demo.running_database().owner_url, autocommit=True) as db:
        db.execute("ALTER TABLE subscriptions RENAME TO subscriptions_away")
        try:
            yield
        finally:
            db.execute("ALTER TABLE subscriptions_away RENAME TO subscriptions")
