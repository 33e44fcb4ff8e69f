"""The page at `/`: what this is in the browser's language, and the way to the bot."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from sandbox.control import run_sandbox
from tests.pages.conftest import Web, serving, wait_for
from tg_assistant.demo.postgres import Postgres


@pytest.fixture(scope="module")
async def told(frontend: None, database: Postgres, workdir: Path) -> AsyncIterator[tuple[Web, str]]:
    """A web process whose Bot API answers, and the bot's name there."""
    async with run_sandbox(workdir / "telegram", seed=False) as telegram:
        settings = {"BOT_TOKEN": telegram.install["bot_token"], "BOT_API_BASE": telegram.bot_api_url}
        with serving(database, workdir, settings=settings) as web:
            yield web, telegram.install["bot_username"]


@pytest.mark.parametrize(
    ("language", "title"), [("ru-RU", "Спросите свои каналы"), ("de", "Ask your Telegram channels")]
)
async def test_leads_to_the_bot(told: tuple[Web, str], browser: Browser, language: str, title: str) -> None:
    """One language at a time, and a link by the name the bot has at Telegram."""
    web, bot = told
    context = await browser.new_context(locale=language, viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    await page.goto(web.url)
    await expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    go = await wait_for(page, "landing-open")
    assert await go.get_attribute("href") == f"https://t.me/{bot}"
    assert f"@{bot}" in await go.inner_text()
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 1280
    await context.close()


async def test_the_panel_without_a_link_leads_to_the_bot(told: tuple[Web, str], page: Page) -> None:
    """Whoever opens its address gets a way on, not only a sentence."""
    web, bot = told
    await page.goto(f"{web.url}/admin/")
    await wait_for(page, "link-needed")
    go = await wait_for(page, "to-bot")
    assert await go.get_attribute("href") == f"https://t.me/{bot}"
    assert f"@{bot}" in await go.inner_text()


async def test_says_in_words_where_to_go_while_the_bots_name_is_unknown(web: Web, page: Page) -> None:
    """Telegram cannot be asked: the page stands, nothing hangs, nothing is wider than a phone."""
    await page.goto(web.url)
    await expect(page.get_by_test_id("landing-closed")).to_contain_text("chat with the bot")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
