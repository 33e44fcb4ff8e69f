"""The page keeps in step with Telegram's client: theme, back button, insets, closing."""

from playwright.async_api import Page

from tests.pages.conftest import People, Web, until, wait_for
from tg_assistant.theme import contrast

DARK = {"bg_color": "#17212b", "secondary_bg_color": "#0e1621", "text_color": "#f5f5f5"}
CHANGED = "params => window.Telegram.WebView.receiveEvent('theme_changed', {theme_params: params})"


async def _colour(page: Page, selector: str, name: str = "backgroundColor") -> str:
    return await page.locator(selector).first.evaluate(f"one => getComputedStyle(one).{name}")


async def test_theme_is_there_before_the_first_paint_and_follows_live(
    web: Web, page: Page, people: People
) -> None:
    """From the launch parameters first, then on `themeChanged`, without a reload."""
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id))
    await wait_for(page, "home-next")
    assert await _colour(page, "body") == "rgb(240, 240, 240)"
    await page.wait_for_load_state("networkidle")
    await page.evaluate(CHANGED, DARK)
    assert await _colour(page, "body") == "rgb(14, 22, 33)"
    assert await page.locator("html").get_attribute("data-theme") == "dark"


async def test_unreadable_theme_is_made_readable(web: Web, page: Page, people: People) -> None:
    """A person's theme may be any colours: white on white becomes black on white."""
    anna = await people.member()
    theme = {"bg_color": "#ffffff", "secondary_bg_color": "#ffffff", "text_color": "#fefefe"}
    theme |= {"button_color": "#ffff00", "button_text_color": "#ffffff"}
    await page.goto(web.open_as(anna.telegram_id, theme=theme))
    await wait_for(page, "home-next")
    assert await _colour(page, ".tg-cell", "color") == "rgb(0, 0, 0)"
    assert await _colour(page, "[data-testid=home-next]", "color") == "rgb(0, 0, 0)"


async def test_red_stays_red_and_can_be_read(web: Web, page: Page, people: People) -> None:
    """Telegram's own red on its own dark grey has a contrast of 3.8: it is made lighter until it has 4.5."""
    anna = await people.member()
    theme = {"bg_color": "#212121", "secondary_bg_color": "#0f0f0f", "destructive_text_color": "#e53935"}
    await page.goto(web.open_as(anna.telegram_id, theme=theme))
    await wait_for(page, "home-next")
    read = "one => getComputedStyle(one).getPropertyValue('--tg-destructive-text-color').trim()"
    red = await page.locator("html").evaluate(read)
    assert contrast(red, "#212121") >= 4.5 > contrast("#e53935", "#212121")
    assert int(red[1:3], 16) > 2 * int(red[3:5], 16)


async def test_back_button_follows_the_route(web: Web, page: Page, people: People) -> None:
    """Shown below the first level, and it leads up; hidden where there is nothing above."""
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/connect/"))
    await wait_for(page, "connect-start")

    async def visible() -> bool:
        return await page.evaluate("Boolean(window.Telegram?.WebApp?.BackButton.isVisible)")

    async def hidden() -> bool:
        return not await visible()

    await until(visible)
    await page.evaluate("window.Telegram.WebView.receiveEvent('back_button_pressed')")
    await wait_for(page, "home-next")
    await until(hidden)
    assert page.url == f"{web.url}/tg/app/"


async def test_closing_is_confirmed_only_while_connecting(web: Web, page: Page, people: People) -> None:
    """A swipe must not lose a login that is under way."""
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/connect/"))
    await wait_for(page, "connect-start")
    asked = "Boolean(window.Telegram?.WebApp?.isClosingConfirmationEnabled)"
    assert not await page.evaluate(asked)
    await page.get_by_test_id("connect-start").click()
    await wait_for(page, "connect-link")

    async def guarded() -> bool:
        return await page.evaluate(asked)

    await until(guarded)


async def test_nothing_leaves_for_another_origin(web: Web, page: Page, people: People) -> None:
    """With the bundled SDK every request stays at home."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id))
    await wait_for(page, "home-next")
    assert [url for url in asked if not url.startswith((web.url, "data:"))] == []
