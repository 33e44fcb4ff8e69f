"""Asking in the app: the answer streams, its numbers open posts, and it survives a lost connection."""

import asyncio
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page, expect
from sqlmodel import col, select

from tests.pages.conftest import People, Web, wait_for
from tg_assistant.core.actor import Actor
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Account, Channel, ChannelAccess, Post, Question, Subscription
from tg_assistant.texts import text

PATH = "/tg/app/ask/"
WHOLE = "[data-testid=answer]:is([data-state=done], [data-state=abstained], [data-state=failed])"
POST = "The night ferry leaves at 23:40 from the old pier. A ticket costs 12 crowns."
SOURCE: dict[str, Any] = {
    "n": 1,
    "channel_title": "Harbour News",
    "posted_at": "2026-11-01T10:00:00+00:00",
    "url": "https://t.me/harbour/7",
    "quote": POST,
    "score": 0.9,
}


@pytest.fixture
async def anna(people: People, db: Database) -> Actor:
    """A member who follows one channel with one post."""
    actor = await people.member()
    async with db.transaction(actor.tenant_id) as session:
        account = Account(tenant_id=actor.tenant, user_id=actor.user_id, telegram_id=actor.telegram_id)
        channel = Channel(
            tenant_id=actor.tenant, telegram_id=actor.telegram_id, title="Harbour News", username="harbour"
        )
        session.add_all([account, channel])
        await session.flush()
        ids = {"tenant_id": actor.tenant, "channel_id": channel.id}
        session.add(Subscription(user_id=actor.user_id, **ids))
        session.add(ChannelAccess(account_id=account.id, user_id=actor.user_id, access_hash=1, **ids))
        session.add(
            Post(
                message_id=7,
                posted_at=datetime.now(UTC),
                text=POST,
                text_hash=sha256(POST.encode()).digest(),
                indexed_generation=1,
                **ids,
            )
        )
    return actor


async def _asked(db: Database, actor: Actor, **values: object) -> Question:
    async with db.transaction(actor.tenant_id) as session:
        row = Question(
            tenant_id=actor.tenant, user_id=actor.user_id, door="app", question="When is the ferry?", **values
        )
        session.add(row)
    return row


def _source() -> dict[str, Any]:
    return SOURCE | {"post_id": str(_ID), "channel_id": str(_ID)}


_ID = "00000000-0000-4000-8000-000000000001"


async def test_question_gets_an_answer(web: Web, page: Page, anna: Actor) -> None:
    """Typed and sent with Enter; the field empties itself, and the answer becomes whole."""
    await page.goto(web.open_as(anna.telegram_id, path=PATH))
    field = await wait_for(page, "ask-input")
    await field.fill("When does the night ferry leave?")
    await field.press("Enter")
    await wait_for(page, "question")
    await expect(field).to_have_value("")
    await page.locator(WHOLE).wait_for(timeout=120_000)


async def test_earlier_questions_are_there_again(web: Web, page: Page, anna: Actor, db: Database) -> None:
    """The conversation is rebuilt from the database, numbers and sources included."""
    await _asked(db, anna, answer="At 23:40 [1].", sources=[_source()], abstained=False)
    await page.goto(web.open_as(anna.telegram_id, path=PATH, platform="weba"))
    await expect(page.get_by_test_id("answer")).to_contain_text("At 23:40")
    await expect(page.get_by_test_id("ask-copy")).to_be_visible()
    await page.get_by_test_id("cite").click()
    sheet = await wait_for(page, "source-sheet")
    await expect(sheet).to_contain_text(POST)
    assert await page.get_by_test_id("source-open").get_attribute("href") == SOURCE["url"]
    await page.get_by_test_id("sheet-close").click(position={"x": 10, "y": 10})
    await sheet.wait_for(state="detached")


async def test_an_open_source_shows_the_post_as_telegram_does(
    web: Web, page: Page, anna: Actor, db: Database
) -> None:
    """Struck out, hidden until tapped, code, a link that opens; a link to a script is words."""
    words = "Up by 5 secret x=1 site trap"
    over = {"strikethrough": "Up by 5", "spoiler": "secret", "pre": "x=1", "text_link": "site"}
    entities = [
        {"kind": kind, "offset": words.index(each), "length": len(each)} for kind, each in over.items()
    ]
    entities[3]["url"] = "https://example.org/"
    trap = {"kind": "text_link", "offset": words.index("trap"), "length": 4, "url": "javascript:alert(1)"}
    async with db.transaction(anna.tenant_id) as session:
        own = col(Subscription.channel_id) == col(Post.channel_id)
        mine = select(Post).join(Subscription, own).where(Subscription.user_id == anna.user_id)
        post = (await session.exec(mine)).one()
        post.text, post.entities = words, [*entities, trap]
        post.parts = [{"origin": "poll", "text": "Poll: <b>Up?</b>"}]
        source = _source() | {"post_id": str(post.id), "channel_id": str(post.channel_id)}
    await _asked(db, anna, answer="At 23:40 [1].", sources=[source], abstained=False)
    await page.goto(web.open_as(anna.telegram_id, path=PATH, platform="weba"))
    await page.get_by_test_id("cite").click()
    body = await wait_for(page, "post-body")
    await expect(body.locator(".tg-struck")).to_have_text("Up by 5")
    hidden = body.locator(".tg-spoiler")
    await expect(hidden).to_have_css("color", "rgba(0, 0, 0, 0)")
    await hidden.click()
    await expect(hidden).not_to_have_css("color", "rgba(0, 0, 0, 0)")
    await expect(body.locator(".pre")).to_have_text("x=1")
    await expect(body.locator("a", has_text="site")).to_have_attribute("href", "https://example.org/")
    await expect(body).to_contain_text("trap")
    assert await body.locator("[href^=javascript]").count() == 0
    await expect(body.locator(".part")).to_have_text("Poll: <b>Up?</b>")


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_an_answer_on_a_lost_channel_is_hidden(
    web: Web, page: Page, people: People, db: Database, language: str
) -> None:
    """It says so in place of the words; nothing of the post is on the page, and nothing to open or copy."""
    actor = await people.member(language=language)
    private = _source() | {"url": "https://t.me/c/1234567890/7"}
    await _asked(db, actor, answer="At 23:40 [1].", sources=[private], abstained=False)
    await page.goto(web.open_as(actor.telegram_id, path=PATH, language=language))
    answer = page.locator("[data-testid=answer][data-state=done]")
    await expect(answer).to_contain_text(text("ask.withheld", language))
    for test_id in ("source", "cite", "ask-copy"):
        await expect(page.get_by_test_id(test_id)).to_have_count(0)
    assert "23:40" not in await page.content()


async def test_an_open_screen_loses_an_answer_with_its_channel(
    web: Web, page: Page, anna: Actor, db: Database
) -> None:
    """Untouched, with a source's sheet open: both go at once, and the answer is back with access."""
    async with db.transaction(anna.tenant_id) as session:
        hers = select(Channel).where(Channel.telegram_id == anna.telegram_id)
        channel = (await session.exec(hers)).one()
        channel.private, channel.username = True, None
        session.add(channel)
    rests = _source() | {"channel_id": str(channel.id), "url": "https://t.me/c/1234567890/7"}
    await _asked(db, anna, answer="At 23:40 [1].", sources=[rests], abstained=False)
    await page.goto(web.open_as(anna.telegram_id, path=PATH))
    await page.get_by_test_id("cite").click()
    sheet = await wait_for(page, "source-sheet")
    async with db.transaction(anna.tenant_id) as session:
        mine = select(ChannelAccess).where(ChannelAccess.user_id == anna.user_id)
        seen = (await session.exec(mine.where(ChannelAccess.channel_id == channel.id))).one()
        seen.lost_at = datetime.now(UTC)
        session.add(seen)
    answer = page.get_by_test_id("answer")
    # without the hint it would be the idle look's 15 s
    await expect(answer).to_contain_text(text("ask.withheld", "en"), timeout=10_000)
    await sheet.wait_for(state="detached")
    assert "23:40" not in await page.content()
    async with db.transaction(anna.tenant_id) as session:
        seen = (await session.exec(mine.where(ChannelAccess.channel_id == channel.id))).one()
        seen.lost_at = None
        session.add(seen)
    await expect(answer).to_contain_text("23:40", timeout=10_000)


async def test_answer_finished_elsewhere_appears(web: Web, page: Page, anna: Actor, db: Database) -> None:
    """The socket was cut while an answer was being written: the screen waits for it and shows it."""
    row = await _asked(db, anna)
    await page.goto(web.open_as(anna.telegram_id, path=PATH))
    await page.locator("[data-testid=answer][data-state=waiting]").wait_for()
    async with db.transaction(anna.tenant_id) as session:
        saved = (await session.exec(select(Question).where(Question.id == row.id))).one()
        saved.answer, saved.sources, saved.abstained = "At 23:40 [1].", [_source()], False
        session.add(saved)
    await expect(page.locator("[data-testid=answer][data-state=done]")).to_contain_text("At 23:40")


async def test_nothing_found_is_said_honestly(web: Web, page: Page, anna: Actor, db: Database) -> None:
    """An abstention is a sentence, without sources."""
    await _asked(db, anna, answer="", abstained=True)
    await page.goto(web.open_as(anna.telegram_id, path=PATH))
    await page.locator("[data-testid=answer][data-state=abstained]").wait_for()
    assert await page.get_by_test_id("source").count() == 0


async def test_too_long_question_is_kept_for_its_writer(web: Web, page: Page, anna: Actor) -> None:
    """200,000 characters, more than a socket takes: a sentence, and the text still in the field."""
    await page.goto(web.open_as(anna.telegram_id, path=PATH))
    field = await wait_for(page, "ask-input")
    await field.fill("why " * 50_000)
    await page.get_by_test_id("ask-send").click()
    await expect(page.get_by_test_id("notice")).to_contain_text("4")
    assert len(await field.input_value()) > 10_000
    assert await page.get_by_test_id("question").count() == 0


async def test_answers_are_text(web: Web, page: Page, anna: Actor, db: Database) -> None:
    """A post that carries markup is quoted, not run."""
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    nasty = "<img src=x onerror=alert(1)> [1]"
    await _asked(db, anna, answer=nasty, sources=[_source() | {"quote": nasty}], abstained=False)
    await page.goto(web.open_as(anna.telegram_id, path=PATH))
    await expect(page.get_by_test_id("answer")).to_contain_text("onerror")
    assert await page.locator("img").count() == 0


async def test_two_people_in_one_browser_see_their_own(
    web: Web, context: BrowserContext, anna: Actor, people: People, db: Database
) -> None:
    """Two tabs, two people, one browser: each has their own conversation."""
    await _asked(db, anna, answer="Anna's answer", abstained=False)
    other = await people.member()
    first, second = await context.new_page(), await context.new_page()
    await asyncio.gather(
        first.goto(web.open_as(anna.telegram_id, path=PATH)),
        second.goto(web.open_as(other.telegram_id, path=PATH)),
    )
    await wait_for(first, "answer")
    await wait_for(second, "empty")
    assert "Anna's answer" not in await second.content()


async def test_without_channels_the_way_leads_to_adding(web: Web, page: Page, people: People) -> None:
    """Nothing to answer from yet is no dead end."""
    nobody = await people.member()
    await page.goto(web.open_as(nobody.telegram_id, path=PATH))
    await (await wait_for(page, "ask-add-channels")).click()
    await wait_for(page, "add-connect")
    assert page.url == f"{web.url}/tg/app/channels/add/"


async def test_address_that_does_not_exist(web: Web, page: Page) -> None:
    """A sentence, not a blank page; and the front door says what this is."""
    await page.goto(f"{web.url}/tg/app/nowhere")
    assert text("landing.lost_title", "en") in await (await wait_for(page, "not-found")).inner_text()
    await page.goto(web.url)
    assert text("landing.title", "en") in await (await wait_for(page, "landing")).inner_text()
