"""One running product for all browser tests, behind a cable that can be cut; people with browsers."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, expect

from tests.e2e import looks
from tests.e2e.cable import Cable, CabledDemo
from tests.e2e.looks import Camera, Look
from tests.e2e.person import DESK, PATIENCE, PHONE, Person
from tests.phone import Phone, until
from tests.product import Product, running_product
from tests.stories import journey
from tests.stories.journey import Traveller
from tg_assistant.demo.smoke.browser import chromium

expect.set_options(timeout=PATIENCE)
_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Many steps, each of which may wait long on a busy machine; the first test starts the whole product."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(1200))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", action="store_true", help="write docs/screenshots/")


@pytest.fixture(scope="package")
async def product(workdir: Path, model_dir: Path) -> AsyncIterator[Product]:
    async with running_product(workdir / "e2e", model_dir, CabledDemo) as running:
        yield running


@pytest.fixture(scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as launched:
        yield launched


@pytest.fixture(scope="module", autouse=True)
async def lawful(product: Product) -> AsyncIterator[None]:
    """No module may leave behind what Telegram would not allow, nor a call the sandbox lacks."""
    yield
    assert await product.violations() == []


@pytest.fixture
def cable(product: Product) -> Cable:
    assert isinstance(product.demo, CabledDemo)
    return product.demo.cable


Browsers = Callable[..., Awaitable[BrowserContext]]
Arrivals = Callable[..., Awaitable[Person]]


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, so that its screens can be kept."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


async def _keep_pictures(context: BrowserContext, name: str) -> None:
    folder = Path("test-artifacts")
    folder.mkdir(exist_ok=True)
    for number, page in enumerate(context.pages):
        await page.screenshot(path=folder / f"{name}-{id(context) % 1000}-{number}.png")


@pytest.fixture
async def browsers(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Browsers]:
    """New browsers with nothing stored; whatever throws in one of their pages fails the test."""
    errors: list[str] = []

    async def closed(context: BrowserContext) -> None:
        if request.node.stash.get(FAILED, False):
            await _keep_pictures(context, request.node.name)
        await context.close()

    async with AsyncExitStack() as stack:

        async def opened(**options: Any) -> BrowserContext:
            context = await browser.new_context(**{"viewport": PHONE} | options)
            stack.push_async_callback(closed, context)
            context.set_default_timeout(PATIENCE)
            context.on("weberror", lambda error: errors.append(str(error.error)))
            return context

        yield opened
    assert errors == []


@pytest.fixture
def arrives(product: Product, browsers: Browsers) -> Arrivals:
    """`await arrives("anna")`: somebody in a browser of their own, looking at the bot's chat."""

    async def come(
        name: str = "anna", *, platform: str = "ios", path: str = "/bot", **options: Any
    ) -> Person:
        telegram = await browsers(**options)
        desk = await browsers(viewport=DESK)
        somebody = Person(product.demo, telegram, desk, name, phone_api=product.phone(name))
        return await somebody.takes_the_phone(path, platform=platform)

    return come


@pytest.fixture(scope="package")
async def settled(product: Product) -> Callable[[str], Awaitable[Traveller]]:
    """`await settled("anna")`: a member with a connected account whose channels are all read."""

    async def settle(name: str) -> Traveller:
        traveller = await belongs(product, name)
        if not await connected(traveller):
            assert await journey.connects(traveller) == "authorized"
        if not (await traveller.rest("GET", "/api/channels"))["items"]:
            await journey.follows(traveller)
        return traveller

    return settle


async def belongs(product: Product, name: str) -> Traveller:
    """A member, by the invitation on their phone when they are none yet."""
    try:
        traveller = await journey.signs_in(product, product.phone(name))
        member = (await traveller.rest("GET", "/api/users/me"))["role"]
    except AssertionError:
        member = None
    if not member:
        traveller = await journey.joins(product, name)
    return traveller


async def connected(traveller: Traveller) -> bool:
    sessions = await traveller.rest("GET", "/api/users/me/sessions")
    return any(account["status"] == "connected" for account in sessions["telegram"])


async def disconnects(traveller: Traveller) -> None:
    """Log the account out, and wait until Telegram has done so, too: the answer does not for long."""
    for account in (await traveller.rest("GET", "/api/users/me/sessions"))["telegram"]:
        await traveller.rest("DELETE", f"/api/users/me/sessions/{account['id']}")
    await has_devices(traveller.phone, 0)
    await until(lambda: _unconnected(traveller), "the account to be logged out")


async def _unconnected(traveller: Traveller) -> bool:
    return not await connected(traveller)


async def has_devices(phone: Phone, count: int) -> None:
    """Wait until Telegram lists that many logged-in devices: a screen may know before or after it."""

    async def listed() -> bool:
        return len(await phone.get("/devices")) == count

    await until(listed, f"{phone.person} to have {count} devices")


def preferences(folder: Path, **profile: Any) -> Path:
    """A Chromium profile folder with these preferences."""
    (folder / "Default").mkdir(parents=True, exist_ok=True)
    (folder / "Default" / "Preferences").write_text(json.dumps({"profile": profile}))
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "look" in metafunc.fixturenames:
        chosen = looks.ALL if metafunc.config.getoption("screenshots", False) else looks.SHORT
        metafunc.parametrize("look", chosen, ids=str)


@pytest.fixture
def camera(look: Look, request: pytest.FixtureRequest) -> Camera:
    return Camera(look, bool(request.config.getoption("screenshots", False)))
