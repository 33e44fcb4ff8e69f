"""Connecting an account: the Mini App's half, with ingest's steps written as ingest writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.async_api import Page, expect
from sqlmodel import col, select

from tests.pages.conftest import People, Web, until, wait_for
from tg_assistant.core.actor import Actor
from tg_assistant.infra.postgres.db import Database
from tg_assistant.infra.postgres.events import notify
from tg_assistant.models import Login

PATH = "/tg/app/connect/"


@pytest.fixture
async def anna(people: People) -> Actor:
    return await people.member()


class Ingest:
    """Writes an attempt's steps and tells the other processes, as ingest does."""

    def __init__(self, db: Database, actor: Actor) -> None:
        self._db, self._actor = db, actor

    async def step(self, **values: Any) -> UUID:
        async with self._db.transaction(self._actor.tenant_id) as session:
            query = select(Login).where(Login.user_id == self._actor.user_id)
            login = (await session.exec(query.order_by(col(Login.created_at).desc()))).first()
            assert login is not None
            for name, value in values.items():
                setattr(login, name, value)
            login.updated_at = datetime.now(UTC)
            session.add(login)
            await notify(session, "login", str(login.id))
            return login.id

    async def show_qr(self) -> None:
        until = datetime.now(UTC) + timedelta(seconds=30)
        await self.step(status="awaiting_scan", qr_url="tg://login?token=AAAA", qr_expires_at=until)


@pytest.fixture
def ingest(db: Database, anna: Actor) -> Ingest:
    return Ingest(db, anna)


async def _start(web: Web, page: Page, actor: Actor, platform: str) -> None:
    await page.goto(web.open_as(actor.telegram_id, path=PATH, platform=platform))
    await (await wait_for(page, "connect-start")).click()
    await wait_for(page, "connect-link")


async def test_phone_gets_a_link_for_a_second_screen(
    web: Web, page: Page, anna: Actor, ingest: Ingest
) -> None:
    """A phone cannot scan itself: it wait_for a link (and the link's own QR), never the login code."""
    await _start(web, page, anna, "ios")
    link = await (await wait_for(page, "connect-link")).inner_text()
    assert link.startswith(f"{web.url}/tg/connect/")
    await ingest.show_qr()
    await page.locator("[data-testid=connect-status][data-status=awaiting_scan]").wait_for()
    assert await page.get_by_test_id("connect-qr").count() == 0
    await wait_for(page, "connect-link-qr")


async def test_link_opens_the_second_screens_page(web: Web, page: Page, anna: Actor) -> None:
    """What is copied is an address that answers."""
    await _start(web, page, anna, "ios")
    link = await (await wait_for(page, "connect-link")).inner_text()
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        assert (await http.get(link)).status_code == 200


async def test_desktop_shows_the_code_itself_and_renews_it(
    web: Web, browser, anna: Actor, ingest: Ingest
) -> None:
    """On a computer the phone scans the code right there; a new token is a new picture."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    await _start(web, page, anna, "tdesktop")
    await ingest.show_qr()
    picture = (await wait_for(page, "connect-qr")).locator("img")
    first = await picture.get_attribute("src")
    await ingest.step(qr_url="tg://login?token=BBBB")

    async def renewed() -> bool:
        return await picture.get_attribute("src") != first

    await until(renewed)
    assert (await picture.get_attribute("src") or "").startswith("data:image/svg")
    await page.close()


async def test_password_is_asked_for_elsewhere(web: Web, page: Page, anna: Actor, ingest: Ingest) -> None:
    """Telegram's terms: no password field inside a Mini App."""
    await _start(web, page, anna, "ios")
    await ingest.step(status="password_required", password_hint="cat")
    await wait_for(page, "connect-password")
    assert await page.locator("input[type=password]").count() == 0


async def test_success_leads_to_the_channels(web: Web, page: Page, anna: Actor, ingest: Ingest) -> None:
    """The last step is shown and leads on."""
    await _start(web, page, anna, "ios")
    await ingest.step(status="authorized")
    await wait_for(page, "connect-done")
    await page.get_by_test_id("go-channels").click()
    await page.wait_for_url("**/tg/app/channels/add/")
    await expect(page.get_by_test_id("connect-done")).to_have_count(0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"status": "failed", "reason": "ownership_mismatch"}, "another account"),
        ({"status": "failed", "reason": "flood_wait", "retry_after": 119}, "1:"),
        ({"status": "failed", "reason": "password_attempts"}, "three times"),
        ({"status": "failed", "reason": "telegram_unavailable"}, "responding"),
        ({"status": "expired"}, "Time is up"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "failed", "reason": "something_new"}, "did not work"),
    ],
)
async def test_every_failure_has_words_and_a_way_on(
    web: Web, page: Page, anna: Actor, ingest: Ingest, values: dict[str, Any], said: str
) -> None:
    """Each end of an attempt is a sentence and a button that starts anew."""
    await _start(web, page, anna, "ios")
    await wait_for(page, "connect-link")
    await ingest.step(**values)
    await expect(page.get_by_test_id("connect-failed")).to_contain_text(said)
    await page.get_by_test_id("connect-retry").click()
    await wait_for(page, "connect-link")


async def test_attempt_is_found_again_after_a_reload(
    web: Web, page: Page, anna: Actor, ingest: Ingest
) -> None:
    """The link is kept for its owner, so a reload goes on where it was."""
    await _start(web, page, anna, "ios")
    link = await (await wait_for(page, "connect-link")).inner_text()
    await page.reload()
    assert await (await wait_for(page, "connect-link")).inner_text() == link
    await ingest.step(status="authorized")
    await wait_for(page, "connect-done")
