"""Wrong input at each door is answered with a clear sentence; nothing is lost and no stack trace is shown."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Arrivals, Browsers, belongs, disconnects, has_devices
from tests.e2e.person import PATIENCE, Person
from tests.product import Product
from tests.stories.journey import Traveller
from tg_assistant.demo.smoke.run import ANSWER, QUESTION

CHANNELS = {
    "unknown": ("@no_such_channel_at_all", "no_such_channel_at_all"),
    "group": ("https://t.me/neighbours_chat", "групп|канал"),
    "long": ("@" + "x" * 300, "длинн|до \\d+"),
    "nonsense": ("просто слова", "@"),
}
SPILLED = re.compile(r"Traceback|Error\b|Exception|undefined|NaN|\bNone\b|errors\.|channels\.\w+|File \"")
DAY = 25 * 3600


def words(text: str) -> str:
    """The text, if it is words for people."""
    assert text.strip() and not SPILLED.search(text), text
    return text


async def notice(somebody: Person, expected: str) -> str:
    shown = somebody.at("notice").filter(has_text=re.compile(expected, re.IGNORECASE))
    await expect(shown).to_be_visible(timeout=PATIENCE)
    return words(await shown.inner_text())


@pytest.fixture
async def anna(product: Product, arrives: Arrivals, settled: Callable[[str], Awaitable[Traveller]]) -> Person:
    await product.phone("anna").patch("/settings", language="ru")
    await settled("anna")
    return await arrives("anna")


@pytest.mark.parametrize("wrong", CHANNELS)
async def test_channel_in_the_app(anna: Person, wrong: str) -> None:
    """What is not a channel is refused in words, and the field still takes the next try."""
    text, expected = CHANNELS[wrong]
    await anna.enters("channels")
    before = await _count(anna)
    await anna.at("channels-add").click()
    await expect(anna.at("available").first).to_be_visible(timeout=PATIENCE)  # the screen stands still
    await anna.at("add-link").fill(text)
    await anna.at("add-link-submit").click()
    await notice(anna, expected)
    await expect(anna.at("add-link-submit")).to_be_enabled(timeout=PATIENCE)
    await anna.turns_to("channels")
    await expect(anna.at("channel")).to_have_count(before)


async def _count(anna: Person) -> int:
    await expect(anna.at("channel").first).to_be_visible(timeout=PATIENCE)
    return await anna.at("channel").count()


@pytest.mark.parametrize("wrong", CHANNELS)
async def test_channel_in_the_bot_and_over_rest(product: Product, anna: Person, wrong: str) -> None:
    """The bot says it in one message; REST as a problem with a code and a sentence."""
    text, expected = CHANNELS[wrong]
    said = words(await anna.phone_api.says(f"/add {text}"))
    assert re.search(expected, said, re.IGNORECASE), said
    traveller = await belongs(product, "anna")
    answer = await product.http.post(
        f"{product.demo.web_url}/api/channels", json={"link": text}, headers=traveller.bearer, timeout=60
    )
    problem = answer.json()
    assert 400 <= answer.status_code < 500 and problem["code"], answer.text
    words(problem["detail"])


async def test_questions_in_the_app(anna: Person) -> None:
    """Nothing is asked for an empty question; a much too long one is refused and kept for shortening."""
    await anna.enters("ask")
    field = anna.at("ask-input")
    await expect(field).to_be_visible(timeout=PATIENCE)
    before = await anna.sees_the_conversation()
    await field.fill("   ")
    await field.press("Enter")
    await field.fill("а" * 20_000)
    await field.press("Enter")
    await notice(anna, "длинн")
    await expect(anna.at("question")).to_have_count(before)
    assert len(await field.input_value()) == 20_000


async def test_questions_in_the_bot_and_over_rest(product: Product, anna: Person) -> None:
    """Empty and too long, each with its sentence."""
    words(await anna.phone_api.says("/ask"))
    words(await anna.phone_api.says("а" * 4090, contains="длинн"))
    traveller = await belongs(product, "anna")
    for question in ("", "   ", "а" * 20_000):
        answer = await product.http.post(
            f"{product.demo.web_url}/api/rag/query", json={"query": question}, headers=traveller.bearer
        )
        assert answer.status_code == 422
        words(answer.json()["detail"])


async def test_launch_data_a_day_old(product: Product, browsers: Browsers, anna: Person) -> None:
    """An address from yesterday signs nobody in; the screen says how to open the app anew."""
    await product.control("clock", shift=-DAY)
    opened = await anna.phone_api.post("/bot/web-app", source="menu", platform="ios")
    await product.control("clock", shift=DAY)
    page = await (await browsers()).new_page()
    await page.goto(opened["url"])
    await expect(page.get_by_test_id("reopen")).to_be_visible(timeout=PATIENCE)
    words(await page.get_by_test_id("reopen").inner_text())


@pytest.fixture
async def max_(product: Product, arrives: Arrivals) -> AsyncIterator[Person]:
    """Max at the screen for connecting, an attempt running; no account before and after."""
    await product.phone("max").patch("/settings", language="ru")
    traveller = await belongs(product, "max")
    await disconnects(traveller)
    somebody = await arrives("max")
    await somebody.enters("sessions")
    await somebody.at("account-connect").click()
    await expect(somebody.new_attempt()).to_be_visible(timeout=PATIENCE)
    yield somebody
    await product.control("reachable")
    await disconnects(traveller)


async def _shows_a_code(max_: Person) -> Page:
    await max_.new_attempt().click()
    link = max_.at("connect-link")
    await expect(link).to_contain_text("/tg/connect/", timeout=PATIENCE)
    await max_.opens_the_second_screen(await link.inner_text())
    return max_.second_screen.pages[-1]


async def test_a_wrong_password_three_times(max_: Person) -> None:
    """Two more tries are offered, then the attempt ends; no device is left on the phone."""
    await max_.phone_api.put("/two-factor", password="correct horse", hint="battery")
    second = await _shows_a_code(max_)
    await max_.phone_api.scans()
    field = second.get_by_test_id("connect-password")
    for left in (2, 1, 0):
        await expect(field).to_be_visible(timeout=PATIENCE)
        await field.fill("wrong donkey")
        await second.get_by_test_id("connect-password-send").click()
        if left:
            await expect(second.get_by_test_id("connect-status")).to_contain_text(str(left), timeout=PATIENCE)
    await expect(second.locator("#done.bad")).to_be_visible(timeout=PATIENCE)
    words(await second.locator("main").inner_text())
    await expect(max_.at("connect-failed")).to_be_visible(timeout=PATIENCE)
    assert "пароль" in words(await max_.at("connect-failed").inner_text()).lower()
    await expect(max_.at("connect-retry")).to_be_visible()
    await has_devices(max_.phone_api, 0)
    await max_.phone_api.delete("/two-factor")


async def test_a_code_scanned_by_somebody_else(product: Product, max_: Person) -> None:
    """Anna scans the code on Max's screen: both his screens say so, and her account is logged out of it."""
    before = len(await product.phone("anna").get("/devices"))
    second = await _shows_a_code(max_)
    await product.phone("anna").scans()
    await expect(max_.at("connect-failed")).to_be_visible(timeout=PATIENCE)
    assert "друг" in words(await max_.at("connect-failed").inner_text())
    await expect(second.locator("#done.bad")).to_be_visible(timeout=PATIENCE)
    words(await second.locator("main").inner_text())
    await has_devices(product.phone("anna"), before)
    await has_devices(max_.phone_api, 0)


async def test_telegram_unreachable(product: Product, anna: Person, max_: Person) -> None:
    """Answers go on; what needs Telegram says so and works again by itself or by one button."""
    await product.control("unreachable")
    await max_.new_attempt().click()
    await anna.enters("channels")
    answer = await anna.asks_in_the_app(QUESTION)
    assert ANSWER in answer["text"]
    await expect(max_.at("connect-status")).to_contain_text("Telegram сейчас не отвечает", timeout=PATIENCE)
    await product.control("reachable")
    await max_.opens_the_second_screen(await max_.at("connect-link").inner_text())
    await max_.phone_api.scans()
    await expect(max_.at("connect-done")).to_be_visible(timeout=PATIENCE)


async def test_chroma_down(product: Product, anna: Person) -> None:
    """Without the vector index answers come from full text alone; nothing is shown but the answer."""
    pid = product.supervisor.pid("chroma")
    assert pid
    await anna.enters("ask")
    os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(120):
            answer = await anna.asks_in_the_app(QUESTION)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert answer["state"] == "done" and ANSWER in answer["text"]
    await expect(anna.at("notice")).to_have_count(0)
