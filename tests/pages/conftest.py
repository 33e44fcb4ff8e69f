"""The built Mini App served by the real web process, and people who open it in Chromium as Telegram does."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from sqlmodel.ext.asyncio.session import AsyncSession

from tests import workers
from tests.people import PUBLIC_KEY, init_data, member, person, tenant
from tests.servers import BOT_TOKEN, preparing_url
from tg_assistant.core.access import sign_in
from tg_assistant.core.actor import Actor
from tg_assistant.demo.ports import free_port
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Tenant
from tg_assistant.web.build import ROOT, build_if_changed

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
PATIENCE = 60_000  # milliseconds; only what never comes takes that long, however busy the machine
expect.set_options(timeout=PATIENCE)
LIGHT = {"bg_color": "#ffffff", "secondary_bg_color": "#f0f0f0", "text_color": "#000000"}
_SERVE = """
from tg_assistant.settings.load import load
from tg_assistant.web.serve import serve
serve(load("web"))
"""


def telegram_fragment(telegram_id: int, *, language: str = "en", platform: str = "ios", **launch: Any) -> str:
    """What Telegram appends to the Mini App's address. `launch`: theme, start_param, auth_date."""
    user = {"id": telegram_id, "first_name": "Anna", "language_code": language}
    theme = launch.pop("theme", LIGHT)
    parameters = {
        "tgWebAppData": init_data(user, query_id=os.urandom(8).hex(), **launch),
        "tgWebAppVersion": "8.0",
        "tgWebAppPlatform": platform,
        "tgWebAppThemeParams": json.dumps(theme),
    }
    return "#" + urlencode(parameters, quote_via=quote)


@dataclass
class Web:
    """A running web process."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def open_as(self, telegram_id: int, path: str = "/tg/app/", **launch: Any) -> str:
        return f"{self.url}{path}{telegram_fragment(telegram_id, **launch)}"


@contextmanager
def serving(
    database: Postgres, folder: Path, *, port: int = 0, settings: dict[str, str] | None = None
) -> Iterator[Web]:
    """`tg-assistant serve` on a port of its own, as production runs it; `settings` are more of them."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database.app_url,
        "BOT_TOKEN": BOT_TOKEN,
        "JWT_SECRET": "j" * 48,
        "INIT_DATA_PUBLIC_KEY": PUBLIC_KEY,
        "WEB_PORT": str(port),
        "BOT_PUBLIC_URL": url,
        "TELEGRAM_SDK_URL": "/vendor/telegram-web-app.js",
        "FRAME_ANCESTORS": "'self' http://localhost:*",
        "EMBEDDING_CACHE_DIR": str(folder),
        **(settings or {}),
    }
    log = folder / f"web-{port}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        _wait_until_up(url, process, log)
        yield Web(url, process, log)
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(f"{url}/bridge.js", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(log.read_text()[-3000:])


@pytest.fixture(scope="session")
def frontend(request: pytest.FixtureRequest) -> None:
    """One build for the whole run; nothing is done when the sources have not changed."""
    with workers.one_at_a_time(request.config, "frontend"):
        build_if_changed()


@pytest.fixture(scope="module")
def web(frontend: None, database: Postgres, workdir: Path) -> Iterator[Web]:
    with serving(database, workdir) as running:
        yield running


@pytest.fixture(scope="module")
async def db(database: Postgres) -> AsyncIterator[Database]:
    opened = Database(preparing_url(database))  # to prepare what ingest does, too
    yield opened
    await opened.close()


@dataclass
class People:
    """Makes members of one tenant; each call a new person."""

    db: Database
    where: Tenant | None = None
    _next: int = field(default=5_000_000)

    async def member(self, *, language: str = "en") -> Actor:
        async with self.db.transaction() as session:
            self.where = self.where or await tenant(session)
            actor = await member(session, self.where, self._number())
            return await self._speaking(session, actor, language)

    async def stranger(self, *, language: str = "en") -> Actor:
        async with self.db.transaction() as session:
            actor = await person(session, self._number(), language=language)
            return await self._speaking(session, actor, language)

    def _number(self) -> int:
        self._next += 1
        return self._next

    async def _speaking(self, session: AsyncSession, actor: Actor, language: str) -> Actor:
        return await sign_in.set_language(session, actor, language)


@pytest.fixture(scope="module")
def people(db: Database) -> People:
    return People(db)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        launched = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield launched
        await launched.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A phone's browser with nothing stored."""
    opened = await browser.new_context(viewport={"width": 390, "height": 844})
    opened.set_default_timeout(PATIENCE)
    yield opened
    await opened.close()


@pytest.fixture
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """A tab; a page error fails the test that caused it."""
    errors: list[str] = []
    tab = await context.new_page()
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    assert not errors, errors


async def wait_for(page: Any, test_id: str) -> Any:
    """Wait until an element is visible; gives its locator."""
    found = page.get_by_test_id(test_id).first
    await found.wait_for()
    return found


async def until(check: Any, seconds: float = 60) -> None:
    """Wait until an awaitable check is true."""
    async with asyncio.timeout(seconds):
        while not await check():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.05)


async def cut_line(context: BrowserContext, page: Page) -> None:
    """The network goes until the page says so, and comes back; returns once the page is connected again."""
    network = await context.new_cdp_session(page)
    await network.send("Network.enable")
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    whole = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    await page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    await network.send("Network.emulateNetworkConditions", offline)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await wait_for(page, "offline-banner")
    await network.send("Network.emulateNetworkConditions", whole)
    await page.get_by_test_id("offline-banner").wait_for(state="detached")
