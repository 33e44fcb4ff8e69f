"""Screens that cannot show what they are for: each says why, in the person's language, and leads on."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import psycopg
import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

from tests.pages.conftest import People, Web, wait_for
from tg_assistant.demo.postgres import Postgres

SCREENS = {
    "home": "/tg/app/",
    "connect": "/tg/app/connect/",
    "channels": "/tg/app/channels/",
    "add": "/tg/app/channels/add/",
    "ask": "/tg/app/ask/",
    "sessions": "/tg/app/sessions/",
}
# What a member who has done nothing yet sees once the screen is there
BUILT = {
    "home": "home-next",
    "connect": "connect-start",
    "channels": "channels-add",
    "add": "add-connect",
    "ask": "empty",
    "sessions": "account-connect",
}
SPEAKS = pytest.mark.parametrize("language", ["ru", "en"])
EACH = pytest.mark.parametrize("screen", SCREENS)


@contextmanager
def missing(database: Postgres, *tables: str) -> Iterator[None]:
    """The tables are not where the web process looks for them."""
    with psycopg.connect(database.admin_url, autocommit=True) as db:
        for table in tables:
            db.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        try:
            yield
        finally:
            for table in tables:
                db.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


@asynccontextmanager
async def no_sign_in(page: Page) -> AsyncIterator[None]:
    """The network fails between this page and the server's sign-in."""

    async def lost(route: Route) -> None:
        await route.abort("connectionfailed")

    await page.route("**/api/auth/telegram-webapp", lost)
    yield
    await page.unroute("**/api/auth/telegram-webapp")


def is_russian(sentence: str) -> bool:
    return any("а" <= letter.lower() <= "я" for letter in sentence)


@EACH
async def test_screen_that_could_not_be_built_can_be_tried_again(
    web: Web, page: Page, people: People, database: Postgres, screen: str
) -> None:
    """The database fails under the loader: a sentence with a reference, no stack trace, and a second try."""
    anna = await people.member(language="ru")
    with missing(database, "accounts", "subscriptions"):
        await page.goto(web.open_as(anna.telegram_id, path=SCREENS[screen], language="ru"))
        said = await (await wait_for(page, "failed")).inner_text()
        assert is_russian(said)
        assert "relation" not in said
        assert await page.get_by_test_id("notice").count() == 0  # said once
    await page.get_by_test_id("try-again").click()
    await wait_for(page, BUILT[screen])


@EACH
async def test_screen_is_grey_rows_until_it_is_there(
    web: Web, page: Page, people: People, screen: str
) -> None:
    """Nothing is known before the socket opens: the place of what comes is shown."""

    async def silent(_: WebSocketRoute) -> None:
        """Accept the socket and never answer."""

    await page.route_web_socket("**/_event/**", silent)
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id, path=SCREENS[screen]))
    assert await (await wait_for(page, "skeleton")).get_attribute("aria-busy") == "true"


async def test_a_screen_is_grey_from_the_tap_on_until_it_has_been_there(
    web: Web, page: Page, people: People
) -> None:
    """While the answer is on its way no screen says that there is nothing; one seen before is there."""
    line = _Line()
    await page.route_web_socket("**/_event/**", line.through)
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id, path=SCREENS["channels"]))
    await wait_for(page, BUILT["channels"])
    await page.evaluate(_WATCH_TABS)
    line.hold()
    await page.get_by_test_id("tab-sessions").click()
    await expect(page).to_have_url(re.compile(SCREENS["sessions"]))
    await wait_for(page, "skeleton")
    assert await page.get_by_test_id(BUILT["sessions"]).count() == 0
    line.release()
    await wait_for(page, BUILT["sessions"])
    assert await page.evaluate("window.blinked") is False
    line.hold()
    await page.get_by_test_id("tab-channels").click()
    await expect(page).to_have_url(re.compile(SCREENS["channels"]))
    await wait_for(page, BUILT["channels"])
    assert await page.get_by_test_id("skeleton").count() == 0


_WATCH_TABS = """() => {
    const gone = () => { window.blinked ||= !document.querySelector('[data-testid=tab-sessions]') };
    window.blinked = false;
    new MutationObserver(gone).observe(document.body, { childList: true, subtree: true });
}"""


class _Line:
    """A page's socket whose answers can be kept waiting."""

    def __init__(self) -> None:
        self._held: list[str | bytes] | None = None
        self._page: WebSocketRoute | None = None

    def through(self, page: WebSocketRoute) -> None:
        self._page = page
        page.connect_to_server().on_message(self._down)

    def hold(self) -> None:
        self._held = []

    def release(self) -> None:
        held, self._held = self._held or [], None
        for message in held:
            self._down(message)

    def _down(self, message: str | bytes) -> None:
        assert self._page is not None
        if self._held is None:
            self._page.send(message)
        else:
            self._held.append(message)


@EACH
async def test_sign_in_without_a_server_says_so_and_tries_again(
    web: Web, page: Page, people: People, screen: str
) -> None:
    """After some tries the screen says that nothing is lost; one press, and the person is in."""
    anna = await people.member()
    async with no_sign_in(page):
        await page.goto(web.open_as(anna.telegram_id, path=SCREENS[screen], language="ru"))
        said = await (await wait_for(page, "offline")).inner_text()
        assert "Нет связи" in said
    await page.get_by_test_id("try-again").click()
    await wait_for(page, BUILT[screen])


@EACH
@SPEAKS
async def test_ordinary_browser_is_sent_to_telegram(web: Web, browser, screen: str, language: str) -> None:
    """No screen opens outside Telegram; the sentence is in the browser's language."""
    context = await browser.new_context(locale=language)
    page = await context.new_page()
    await page.goto(f"{web.url}{SCREENS[screen]}")
    assert is_russian(await (await wait_for(page, "outside")).inner_text()) == (language == "ru")
    await page.get_by_test_id("to-landing").click()
    await page.wait_for_url(f"{web.url}/")
    await context.close()


@SPEAKS
async def test_rendering_error_leaves_a_sentence_and_a_button(
    web: Web, page: Page, people: People, language: str
) -> None:
    """What the page itself cannot do is caught; loading it again brings the screen back."""
    anna = await people.member(language=language)
    await page.goto(web.open_as(anna.telegram_id, path=SCREENS["channels"], language=language))
    await wait_for(page, "channels-add")
    await page.evaluate("window.tga = undefined")  # the next screen's bridge cannot start
    await page.get_by_test_id("tab-sessions").click()
    assert is_russian(await (await wait_for(page, "crashed")).inner_text()) == (language == "ru")
    await page.get_by_test_id("reload").click()
    await wait_for(page, "account-connect")
