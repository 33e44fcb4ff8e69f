"""Channels: choosing from the account's list, progress, pause, removal; foreign titles stay text."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, expect
from sqlmodel import select

from tests.pages.conftest import People, Web, cut_line, until, wait_for
from tg_assistant.core.accounts import tasks
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import dialogs
from tg_assistant.infra.postgres.db import Database
from tg_assistant.infra.postgres.events import notify
from tg_assistant.models import Account, Channel, Dialog, Subscription

LIST, ADD = "/tg/app/channels/", "/tg/app/channels/add/"
NASTY = "<img src=x onerror=alert(1)> & «кавычки»"


@pytest.fixture
async def anna(people: People, db: Database) -> Actor:
    """A member with a connected account that is subscribed to three channels."""
    actor = await people.member()
    async with db.transaction(actor.tenant_id) as session:
        account = Account(
            tenant_id=actor.tenant,
            user_id=actor.user_id,
            telegram_id=actor.telegram_id,
            dialogs_at=datetime.now(UTC),
        )
        session.add(account)
        await session.flush()
        titles = (("Harbour News", "Work"), ("City Aloud", "Home"), (NASTY, None))
        for n, (title, folder) in enumerate(titles):
            session.add(
                Dialog(
                    account_id=account.id,
                    tenant_id=actor.tenant,
                    telegram_id=actor.telegram_id * 10 + n,
                    access_hash=1,
                    title=title,
                    username=f"channel_{actor.telegram_id}_{n}",
                    members=1234,
                    folder=folder,
                    position=n,
                )
            )
    return actor


async def _add(web: Web, page: Page, actor: Actor, count: int) -> None:
    await page.goto(web.open_as(actor.telegram_id, path=ADD))
    await wait_for(page, "available")
    for n in range(count):
        await page.get_by_test_id("available").nth(n).click()
    await page.get_by_test_id("add-selected").click()
    await page.wait_for_url(f"**{LIST}")
    await wait_for(page, "channel")


async def test_nothing_followed_yet_leads_to_adding(web: Web, page: Page, anna: Actor) -> None:
    """An empty list is a sentence and one action."""
    await page.goto(web.open_as(anna.telegram_id, path=LIST))
    await wait_for(page, "empty")
    await page.get_by_test_id("channels-add").click()
    await wait_for(page, "available")
    assert page.url == f"{web.url}{ADD}"


async def test_chosen_channels_are_followed(web: Web, page: Page, anna: Actor, db: Database) -> None:
    """Two chosen, two on the list; the button says how many."""
    await page.goto(web.open_as(anna.telegram_id, path=ADD))
    await (await wait_for(page, "available")).click()
    await page.get_by_test_id("available").nth(1).click()
    await expect(page.get_by_test_id("add-selected")).to_have_text("Add 2 channels")
    await page.get_by_test_id("add-selected").click()
    await page.wait_for_url(f"**{LIST}")
    await expect(page.get_by_test_id("channel")).to_have_count(2)
    async with db.transaction(anna.tenant_id) as session:
        rows = await session.exec(select(Subscription).where(Subscription.user_id == anna.user_id))
        assert len(rows.all()) == 2


async def test_choice_outlives_a_list_that_is_read_anew(
    web: Web, page: Page, anna: Actor, db: Database
) -> None:
    """Coming back, the old list stands there while the new one is read: a tap on it counts."""
    await page.goto(web.open_as(anna.telegram_id, path=LIST))
    await (await wait_for(page, "channels-add")).click()
    await wait_for(page, "available")
    await page.get_by_test_id("tab-channels").click()
    await (await wait_for(page, "channels-add")).click()
    first = await wait_for(page, "available")
    await first.evaluate("row => { row.same = true }")
    await first.click()  # at once: the list is being read
    await page.get_by_text("Add 1 channel").wait_for()
    await page.wait_for_timeout(500)
    await expect(first).to_have_attribute("aria-checked", "true")
    assert await first.evaluate("row => row.same")


async def test_what_was_typed_and_chosen_outlives_a_cut_line(web: Web, browser, anna: Actor) -> None:
    """A reconnect builds everything anew, and nothing has to be done twice; going elsewhere forgets it."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(web.open_as(anna.telegram_id, path=ADD))
    await (await wait_for(page, "available")).click()
    await wait_for(page, "add-selected")
    await page.get_by_test_id("add-link").fill("@half_a_na")
    await page.get_by_test_id("add-search").fill("harb")
    rows = page.get_by_test_id("available")
    await expect(rows).to_have_count(1)
    await rows.evaluate("row => { row.old = true }")
    await cut_line(context, page)
    await until(lambda: _is_built_anew(rows))
    await expect(rows).to_have_count(1)
    await expect(rows).to_have_attribute("aria-checked", "true")
    await expect(page.get_by_test_id("add-selected")).to_have_text("Add 1 channel")
    await expect(page.get_by_test_id("add-link")).to_have_value("@half_a_na")
    await expect(page.get_by_test_id("add-search")).to_have_value("harb")
    await page.get_by_test_id("tab-channels").click()
    await (await wait_for(page, "channels-add")).click()
    await wait_for(page, "available")
    await expect(page.get_by_test_id("add-link")).to_have_value("")
    await context.close()


async def _is_built_anew(rows: Locator) -> bool:
    """There are rows, and none is from before the cut."""
    old = await rows.evaluate_all("all => all.map(row => Boolean(row.old))")
    return bool(old) and not any(old)


async def test_search_and_folders_narrow_the_list(web: Web, page: Page, anna: Actor) -> None:
    """Any case, any part of the title; a folder wait_for its own."""
    await page.goto(web.open_as(anna.telegram_id, path=ADD))
    await wait_for(page, "available")
    rows = page.get_by_test_id("available")
    await page.get_by_test_id("add-search").fill("HARB")
    await expect(rows).to_have_count(1)
    await page.get_by_test_id("add-search").fill("zzzz")
    await wait_for(page, "empty")
    await page.get_by_test_id("add-search").fill("")
    await wait_for(page, "available")
    await page.get_by_test_id("folder").get_by_text("Home").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("City Aloud")


async def test_titles_are_text(web: Web, page: Page, anna: Actor) -> None:
    """Markup in a title is shown, not run."""
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    await _add(web, page, anna, 3)
    await expect(page.get_by_text(NASTY, exact=True)).to_have_count(1)


async def test_progress_moves_without_a_press(web: Web, page: Page, anna: Actor, db: Database) -> None:
    """The bar goes when the history is there."""
    await _add(web, page, anna, 1)
    bar = page.get_by_role("progressbar")
    await bar.wait_for()
    async with db.transaction(anna.tenant_id) as session:
        query = select(Channel).where(Channel.telegram_id == anna.telegram_id * 10)
        channel = (await session.exec(query)).one()
        channel.backfill_done_at = datetime.now(UTC)
        session.add(channel)
        await notify(session, "channel", str(channel.id))
    await bar.wait_for(state="detached")
    await expect(page.get_by_test_id("channel")).to_have_count(1)


async def test_pause_and_removal(web: Web, page: Page, anna: Actor) -> None:
    """The sheet pauses with a switch; removal asks first."""
    await _add(web, page, anna, 1)
    await page.get_by_test_id("channel").click()
    switch = await wait_for(page, "channel-pause")
    await switch.click()
    await page.locator("[data-testid=channel-pause][aria-checked=false]").wait_for()
    await page.evaluate("window.Telegram = undefined")  # no native popup in a plain browser
    page.once("dialog", lambda dialog: dialog.accept())
    await page.get_by_test_id("channel-remove").click()
    await wait_for(page, "empty")
    await expect(page.get_by_test_id("channel")).to_have_count(0)


@pytest.mark.parametrize("wrong", ["a b c", "@" + "x" * 300, "https://example.org/x", ""])
async def test_wrong_names_are_refused_in_words(web: Web, page: Page, anna: Actor, wrong: str) -> None:
    """The sentence says what is wrong; the form stays."""
    await page.goto(web.open_as(anna.telegram_id, path=ADD))
    await (await wait_for(page, "add-link")).fill(wrong)
    await page.get_by_test_id("add-link-submit").click()
    said = await (await wait_for(page, "notice")).inner_text()
    assert "broke" not in said
    await wait_for(page, "add-link")


async def test_without_an_account_the_way_leads_to_connecting(web: Web, page: Page, people: People) -> None:
    """There is no list to choose from yet."""
    nobody = await people.member()
    await page.goto(web.open_as(nobody.telegram_id, path=ADD))
    await (await wait_for(page, "add-connect")).click()
    await wait_for(page, "connect-start")
    assert page.url == f"{web.url}/tg/app/connect/"


async def test_an_old_list_is_read_anew_by_itself_and_says_its_age(
    web: Web, page: Page, anna: Actor, db: Database
) -> None:
    """Opened after an hour: the old list stands with its age, Telegram is asked; an update is shown."""
    async with db.transaction(anna.tenant_id) as session:
        account = (await session.exec(select(Account).where(Account.user_id == anna.user_id))).one()
        account.dialogs_at = datetime.now(UTC) - timedelta(hours=1)
        session.add(account)
    await page.goto(web.open_as(anna.telegram_id, path=ADD))
    await expect(await wait_for(page, "list-age")).to_contain_text("1 hour ago")

    async def asked() -> bool:
        async with db.transaction(anna.tenant_id) as session:
            return len(await tasks.open_of_kind(session, account.id, "dialogs")) == 1

    await until(asked)
    async with db.transaction(anna.tenant_id) as session:
        joined = {"title": "Joined Just Now", "username": "joined_now", "access_hash": 1}
        telegram_id = anna.telegram_id * 10 + 9
        dialog = Dialog(account_id=account.id, tenant_id=anna.tenant, telegram_id=telegram_id, **joined)
        await dialogs.noticed(session, account.id, dialog)
    await page.get_by_test_id("available").get_by_text("Joined Just Now").wait_for()


async def test_a_list_just_read_is_not_read_again(web: Web, page: Page, anna: Actor) -> None:
    """The button says why not."""
    await page.goto(web.open_as(anna.telegram_id, path=ADD))
    await expect(await wait_for(page, "list-age")).to_contain_text("just now")
    await page.get_by_test_id("add-refresh").click()
    assert "moment ago" in await (await wait_for(page, "notice")).inner_text()
