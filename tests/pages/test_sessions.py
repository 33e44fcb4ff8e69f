"""The sessions screen, and what a socket may do without being somebody."""

import pytest
from playwright.async_api import Page
from sqlmodel import col, select

from tests.pages.conftest import People, Web, until, wait_for
from tg_assistant.core.access import Actor
from tg_assistant.infra.db import Database
from tg_assistant.models import Account, AccountTask, AppSession


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
                device="Test server",
            )
        )
    return actor


async def test_shows_the_linked_account_and_this_sign_in(web: Web, page: Page, anna: Actor) -> None:
    """The device name Telegram wait_for, and the sign-in one is in."""
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    assert "Test server" in await (await wait_for(page, "account")).inner_text()
    assert "This sign-in" in await (await wait_for(page, "app-session")).inner_text()


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
    """A session ended elsewhere may do nothing more: the next press leads to the way on."""
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    await wait_for(page, "account")
    async with db.transaction() as session:
        query = select(AppSession).where(AppSession.user_id == anna.user_id)
        for row in (await session.exec(query)).all():
            row.revoked_at = row.created_at
            session.add(row)
    await page.get_by_test_id("language-ru").click()
    await wait_for(page, "reopen")


async def test_language_changes_at_once(web: Web, page: Page, anna: Actor) -> None:
    """All sentences follow, the document's language too."""
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    await (await wait_for(page, "language-ru")).click()
    await page.get_by_text("Сеансы").first.wait_for()

    async def is_russian() -> bool:
        return await page.evaluate("document.documentElement.lang") == "ru"

    await until(is_russian)


async def test_screen_comes_back_by_itself_when_the_socket_is_cut(web: Web, browser, anna: Actor) -> None:
    """The network goes for a moment: a banner, then the same screen, without a press."""
    context = await browser.new_context()
    page = await context.new_page()
    sockets: list[str] = []
    page.on("websocket", lambda ws: sockets.append(ws.url))
    await page.goto(web.open_as(anna.telegram_id, path="/tg/app/sessions/"))
    await wait_for(page, "account")
    before = len(sockets)
    cut = await context.new_cdp_session(page)
    await cut.send("Network.enable")
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    await page.evaluate("window.dispatchEvent(new Event('pagehide'))")
    await cut.send("Network.emulateNetworkConditions", offline)
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await wait_for(page, "offline-banner")
    await cut.send(
        "Network.emulateNetworkConditions",
        offline | {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1},
    )
    await page.get_by_test_id("offline-banner").wait_for(state="detached")
    await wait_for(page, "account")
    assert len(sockets) > before
    await context.close()
