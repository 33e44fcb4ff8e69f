"""The line is cut, or the web process dies, in the middle of things: every screen resumes by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from playwright.async_api import Page, expect

from tests.e2e.cable import Cable
from tests.e2e.conftest import Arrivals, belongs, disconnects, has_devices
from tests.e2e.person import PATIENCE, Person
from tests.phone import until
from tests.product import Product
from tests.stories.journey import Traveller
from tg_assistant.demo.smoke.run import ANSWER, QUESTION


@asynccontextmanager
async def no_reload(somebody: Person) -> AsyncIterator[None]:
    """Fails if the Mini App's page was loaded anew: resuming must not need it."""
    await (await somebody.frame()).evaluate("window.sameLife = true")
    yield
    assert await (await somebody.frame()).evaluate("window.sameLife === true")


@pytest.fixture(params=["cut", "kill"])
def broken(request: pytest.FixtureRequest, product: Product, cable: Cable):
    """`async with broken(page):` the line is cut, or the web process killed; whole again afterwards."""

    @asynccontextmanager
    async def line(somebody: Person) -> AsyncIterator[None]:
        if request.param == "kill":
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(product.kill("web"))
                await asyncio.sleep(0)
                yield
            return
        cable.cut()
        await expect(somebody.at("offline-banner")).to_be_visible(timeout=PATIENCE)
        yield
        cable.mend()

    return line


async def _second_screen(max_: Person, link: str) -> Page:
    await max_.opens_the_second_screen(link)
    return max_.second_screen.pages[-1]


async def test_during_login(product: Product, arrives: Arrivals, broken) -> None:
    """The code is scanned while nobody can reach the server; both screens then say that it worked."""
    traveller = await belongs(product, "max")
    await disconnects(traveller)
    max_ = await arrives("max")
    await max_.enters("sessions")
    await max_.at("account-connect").click()
    await max_.new_attempt().click()
    link = max_.at("connect-link")
    await expect(link).to_contain_text("/tg/connect/", timeout=PATIENCE)
    second = await _second_screen(max_, await link.inner_text())
    async with no_reload(max_):
        async with broken(max_):
            await max_.phone_api.scans()
        await expect(max_.at("connect-done")).to_be_visible(timeout=PATIENCE)
        await expect(second.locator("#done")).to_be_visible(timeout=PATIENCE)
        await expect(max_.at("offline-banner")).to_be_hidden()
    await has_devices(max_.phone_api, 1)
    await disconnects(traveller)


async def test_during_a_question(
    arrives: Arrivals, settled: Callable[[str], Awaitable[Traveller]], broken
) -> None:
    """The question is not lost and not asked twice; its answer appears."""
    traveller = await settled("anna")
    anna = await arrives("anna")
    await anna.enters("ask")
    await expect(anna.at("ask-input")).to_be_visible(timeout=PATIENCE)
    before = len(await _history(traveller))
    question = f"{QUESTION} ({before})"
    async with no_reload(anna):
        await anna.at("ask-input").fill(question)
        await anna.at("ask-input").press("Enter")
        await expect(anna.at("ask-input")).to_have_value("")
        async with broken(anna):  # at once: the question itself may be lost on its way
            pass
        await _is_answered_once(anna, traveller, question, before)


async def test_a_question_on_the_screen_but_not_written_down(
    product: Product, arrives: Arrivals, settled: Callable[[str], Awaitable[Traveller]]
) -> None:
    """The web process dies between showing a question and keeping it: the browser asks again, once."""
    traveller = await settled("anna")
    anna = await arrives("anna")
    await anna.enters("ask")
    await expect(anna.at("ask-input")).to_be_visible(timeout=PATIENCE)
    before = len(await _history(traveller))
    question = f"{QUESTION} ({before})"
    async with no_reload(anna):
        async with _nothing_written_down(product):
            await anna.at("ask-input").fill(question)
            await anna.at("ask-input").press("Enter")
            await expect(anna.at("question").last).to_have_text(question)
            assert len(await _history(traveller)) == before
            await product.kill("web")
        await _is_answered_once(anna, traveller, question, before)


@asynccontextmanager
async def _nothing_written_down(product: Product) -> AsyncIterator[None]:
    """No new question gets into the table meanwhile; reading goes on."""
    admin = product.demo.running_database().admin_url
    async with await psycopg.AsyncConnection.connect(admin) as db:
        await db.execute("LOCK TABLE questions IN SHARE MODE")
        yield


async def _is_answered_once(anna: Person, traveller: Traveller, question: str, before: int) -> None:
    # the history first: until the screen resumes it shows what was before, answers to other questions too
    async def written() -> bool:
        return len(await _history(traveller)) > before

    await until(written, "the question to be written down", PATIENCE / 1000)
    await expect(anna.at("question").last).to_have_text(question)
    last = anna.at("answer").last
    await expect(last).to_have_attribute("data-state", "done")
    await expect(last).to_contain_text(ANSWER)
    after = await _history(traveller)
    assert len(after) == before + 1 and after[0]["question"] == question


async def _history(traveller: Traveller) -> list[dict[str, str]]:
    return (await traveller.rest("GET", "/api/rag/history?limit=100"))["items"]


async def test_during_backfill(
    product: Product, arrives: Arrivals, settled: Callable[[str], Awaitable[Traveller]], broken
) -> None:
    """Reading goes on without the screen, and the screen catches up: all posts, each once."""
    traveller = await settled("anna")
    anna = await arrives("anna")
    channel = next(
        c for c in (await traveller.rest("GET", "/api/channels"))["items"] if c["title"] == "ЛумскТранс"
    )
    total = channel["progress"]["done"]
    await traveller.rest("DELETE", f"/api/channels/{channel['id']}")
    await anna.enters("channels")
    await product.control("delay", method="messages.getHistory", seconds=2.0, times=3)
    await anna.at("channels-add").click()
    await anna.at("available").filter(has_text="ЛумскТранс").click()
    await anna.press_main_button("add-selected")
    row = anna.at("channel").filter(has_text="ЛумскТранс")
    await expect(row).to_be_visible(timeout=PATIENCE)
    async with no_reload(anna):
        async with broken(anna):
            await asyncio.sleep(2)
        await expect(row).to_contain_text(str(total), timeout=PATIENCE)
        await expect(row.locator("[role=progressbar]")).to_have_count(0)
    followed = (await traveller.rest("GET", "/api/channels"))["items"]
    await expect(anna.at("channel")).to_have_count(len(followed))
