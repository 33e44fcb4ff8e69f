"""The sessions screen, and what a socket may do without being somebody."""

import os
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect
from sqlmodel import col, select

from tests.pages.conftest import People, Web, cut_line, until, wait_for
from tg_assistant.core.access import sessions
from tg_assistant.core.accounts import budgets, flood_waits
from tg_assistant.core.actor import Actor
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Account, AccountTask, AppSession

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
async def anna(people: People, db: Database) -> Actor:
    """A member whose account is connected."""
    actor = await people.member()
    async with db.transaction(actor.tenant_id) as session:
        session.add(
            Account(
                tenant_id=actor.tenant,
                user_id=actor.user_id,
                telegram_id=actor.telegram_id,
                device="Chrome, Linux",
            )
        )
    return actor


async def test_shows_the_linked_account_and_this_sign_in(web: Web, page: Page, anna: Actor) -> None:
    """The name that Telegram lists, not the browser it was connected from; and the sign-in one is in."""
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    await expect(page.get_by_test_id("account")).to_contain_text("Telegram Assistant")
    await expect(page.get_by_test_id("app-session")).to_contain_text("This sign-in")


async def test_logging_out_asks_first_and_then_asks_telegram(
    web: Web, page: Page, anna: Actor, db: Database
) -> None:
    """A dismissed popup does nothing; a confirmed one leaves a log-out for ingest."""
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/", platform="tdesktop"))
    answers = iter([False, True])
    page.on("dialog", lambda dialog: dialog.accept() if next(answers) else dialog.dismiss())
    await page.evaluate("window.Telegram = undefined")  # no native popup in a plain browser
    button = await wait_for(page, "account-log-out")
    await button.click()
    await button.click()
    await wait_for(page, "notice")
    async with db.transaction(anna.tenant_id) as session:
        query = select(AccountTask).join(Account, col(Account.id) == col(AccountTask.account_id))
        tasks = (await session.exec(query.where(Account.user_id == anna.user_id))).all()
    assert [task.kind for task in tasks] == ["log_out"]


async def test_ended_sign_in_is_shown_the_door(web: Web, page: Page, anna: Actor, db: Database) -> None:
    """A session ended elsewhere may do nothing more: the way on is shown before anything is pressed."""
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    await wait_for(page, "account")
    async with db.transaction() as session:
        query = select(AppSession).where(AppSession.user_id == anna.user_id)
        for row in (await session.exec(query)).all():
            row.revoked_at = row.created_at
            session.add(row)
    await wait_for(page, "reopen")
    assert await page.get_by_test_id("account").count() == 0


async def test_sign_ins_of_one_device_are_one_line(
    web: Web, browser: Browser, anna: Actor, db: Database
) -> None:
    """Opening the app three times is no list of three; ending the line leaves the one it is pressed in."""
    async with db.transaction() as session:
        for device in (WINDOWS, WINDOWS, "python-httpx/0.28"):
            await sessions.start(session, anna.user_id, device=device, now=datetime.now(UTC))
    context = await browser.new_context(user_agent=WINDOWS)
    page = await context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    lines = page.get_by_test_id("app-session")
    await expect(lines).to_have_count(2)
    await expect(lines.nth(0)).to_contain_text("Firefox, Windows")
    await expect(lines.nth(0)).to_contain_text("This sign-in · 3 sign-ins")
    await expect(lines.nth(1)).to_contain_text("Unknown device")
    await page.evaluate("window.Telegram = undefined")  # no native popup in a plain browser
    await lines.nth(0).get_by_test_id("app-session-end").click()
    await lines.nth(0).get_by_test_id("app-session-end").wait_for(state="detached")
    await expect(lines.nth(0)).not_to_contain_text("3 sign-ins")
    await lines.nth(1).get_by_test_id("app-session-end").click()
    await lines.nth(1).wait_for(state="detached")
    await context.close()


async def test_language_changes_at_once(web: Web, page: Page, anna: Actor) -> None:
    """All sentences follow, the document's language too."""
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    await (await wait_for(page, "language-ru")).click()
    await page.get_by_text("Сеансы").first.wait_for()

    async def is_russian() -> bool:
        return await page.evaluate("document.documentElement.lang") == "ru"

    await until(is_russian)
    await expect(page.locator("body")).not_to_contain_text("Sessions", use_inner_text=True)


async def test_screen_comes_back_by_itself_when_the_socket_is_cut(web: Web, browser, anna: Actor) -> None:
    """The network goes for a moment: a banner, then the same screen, without a press."""
    context = await browser.new_context()
    page = await context.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda ws: sockets.append(ws.url))
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    await wait_for(page, "account")
    before = len(sockets)
    await cut_line(context, page)
    await wait_for(page, "account")
    assert len(sockets) > before
    await context.close()


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_the_meter_says_what_is_used_and_what_waits(
    web: Web, page: Page, people: People, db: Database, language: str
) -> None:
    """In plain words, in the person's language, below their account."""
    actor = await people.member(language=language)
    async with db.transaction(actor.tenant_id) as session:
        own = Account(tenant_id=actor.tenant, user_id=actor.user_id, telegram_id=actor.telegram_id)
        session.add(own)
        await session.flush()
        await flood_waits.keep(session, own.id, "messages.getHistory", 1200)
        now = datetime.now(UTC).timestamp()
        await budgets.save(session, own.id, {"read": now + 25, "resolve": now + 86_400})
    await page.goto(web.open_as(actor.telegram_id, path="/tg/app/sessions/", language=language))
    lines = page.get_by_test_id("safety")
    await lines.first.wait_for()
    said = " ".join(await lines.all_inner_texts())
    asked, used = {
        "en": ("for 20 minutes more: Telegram asked for it", "25 of 25 used in the last day"),
        "ru": ("ещё 20 минут: так попросил Telegram", "за сутки использовано 25 из 25"),
    }[language]
    assert asked in said and used in said
    if folder := os.environ.get("LOOK_AT"):
        await page.screenshot(path=f"{folder}/meter-{language}.png", full_page=True)
