"""Opening the Mini App: signed in without a click, and a way on whenever that cannot be."""

import time

from playwright.async_api import BrowserContext, Page, expect

from tests.pages.conftest import People, Web, serving, telegram_fragment, wait_for
from tg_assistant.core.group import invites
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Role
from tg_assistant.texts import text


async def test_member_is_signed_in_without_a_click(web: Web, page: Page, people: People) -> None:
    """Init data alone brings a member to the first screen."""
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id))
    assert text("home.start", "en") in await (await wait_for(page, "home-next")).inner_text()


async def test_init_data_leaves_the_address_bar_before_the_socket_opens(
    web: Web, page: Page, people: People
) -> None:
    """Neither the address nor any frame on the socket ever carries init data."""
    sent: list[str] = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(str(frame))))
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id))
    await wait_for(page, "home-next")
    assert page.url == f"{web.url}/tg/app/"
    assert sent, "the socket was watched"
    assert not [frame for frame in sent if "auth_date" in frame or "tgWebAppData" in frame]


async def test_build_works_on_any_port(
    web: Web, page: Page, people: People, database: Postgres, workdir
) -> None:
    """One build, two addresses at once: each page talks to the server it came from."""
    anna = await people.member()
    with serving(database, workdir) as other:
        sockets: list[str] = []
        page.on("websocket", lambda ws: sockets.append(ws.url))
        await page.goto(other.open_as(anna.telegram_id))
        await wait_for(page, "home-next")
        own = other.url.replace("http", "ws")
        assert sockets
        assert all(url.startswith(own) for url in sockets)


async def test_reload_keeps_the_session(web: Web, page: Page, people: People) -> None:
    """A reload sends no new init data, and needs none."""
    anna = await people.member()
    await page.goto(web.open_as(anna.telegram_id))
    await wait_for(page, "home-next")
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url))
    await page.reload()
    await wait_for(page, "home-next")
    assert not [url for url in posted if url.endswith("/api/auth/telegram-webapp")]


async def test_used_init_data_asks_to_open_again(
    web: Web, context: BrowserContext, page: Page, people: People
) -> None:
    """The same string a second time, on a device that stored nothing, is no dead end."""
    anna = await people.member()
    address = web.open_as(anna.telegram_id)
    await page.goto(address)
    await wait_for(page, "home-next")
    other = await context.new_page()
    await other.goto(address)
    assert text("sign_in.reopen", "en") in await (await wait_for(other, "reopen")).inner_text()
    await wait_for(other, "close-app")


async def test_old_init_data_asks_to_open_again_in_the_persons_language(
    web: Web, page: Page, people: People
) -> None:
    """Init data a day old; the sentence comes in the language Telegram gave."""
    anna = await people.member()
    yesterday = str(int(time.time()) - 86_400)
    await page.goto(web.open_as(anna.telegram_id, language="ru", auth_date=yesterday))
    assert "из бота ещё раз" in await (await wait_for(page, "reopen")).inner_text()


async def test_ordinary_browser_is_told_where_to_open(web: Web, page: Page) -> None:
    """Nobody signs in without Telegram."""
    await page.goto(f"{web.url}/tg/app/ask/")
    assert text("sign_in.outside", "en") in await (await wait_for(page, "outside")).inner_text()


async def test_stranger_redeems_an_invite_brought_along(
    web: Web, page: Page, people: People, db: Database
) -> None:
    """A link with `inv_CODE` fills the field; one press makes a member."""
    await people.member()
    stranger = await people.stranger()
    assert people.where is not None
    async with db.transaction(people.where.id) as session:
        invite = invites.new(people.where.id, role=Role.user)
        session.add(invite)
    await page.goto(web.open_as(stranger.telegram_id, start_param=f"inv_{invite.code}"))
    field = await wait_for(page, "invite-code")
    await expect(field).to_have_value(invite.code)
    await page.get_by_test_id("invite-submit").click()
    await wait_for(page, "home-next")


async def test_wrong_invite_says_why_and_stays(web: Web, page: Page, people: People) -> None:
    """A code that does not exist is refused in words on the same screen."""
    stranger = await people.stranger()
    await page.goto(web.open_as(stranger.telegram_id, path="/tg/app/channels/"))
    await (await wait_for(page, "invite-code")).fill("AAAAAAAAAAAA")
    await page.get_by_test_id("invite-submit").click()
    await expect(page.get_by_test_id("notice")).to_contain_text("invite", ignore_case=True)
    await wait_for(page, "invite-code")


async def test_second_person_in_the_same_tab_gets_nothing_of_the_first(
    web: Web, page: Page, people: People
) -> None:
    """Several accounts may share one webview: the stored session goes by Telegram id, the state too."""
    first, second = await people.member(), await people.stranger()
    await page.goto(web.open_as(first.telegram_id))
    await wait_for(page, "home-next")
    token = await page.evaluate("sessionStorage.token")
    await page.goto("about:blank")
    await page.goto(web.open_as(second.telegram_id))
    await wait_for(page, "invite-code")
    stored = await page.evaluate("JSON.stringify(sessionStorage)")
    assert f"tga.session.{first.telegram_id}" not in stored
    assert token not in stored


async def test_works_in_a_frame_whose_storage_is_blocked(web: Web, browser, people: People) -> None:
    """Telegram Web in a browser that blocks third-party storage: touching either storage throws."""
    anna = await people.member()
    context = await browser.new_context()
    await context.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
          Object.defineProperty(window, name, {
            configurable: true, get() { throw new DOMException("blocked", "SecurityError"); },
          });
        }"""
    )
    page = await context.new_page()
    await page.goto(f"{web.url}/tg/app/ask/{telegram_fragment(anna.telegram_id)}")
    assert text("ask.no_channels_title", "en") in await (await wait_for(page, "empty")).inner_text()
    await context.close()
