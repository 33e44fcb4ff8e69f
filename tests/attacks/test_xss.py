"""Markup and scripts in everything that people and channels write, shown in a real browser: nothing runs."""
# ruff: noqa: E501 - a selector reads best whole

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import pytest
from playwright.async_api import BrowserContext, Page, Request
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.attacks import payloads
from tests.pages.conftest import People, Web, browser, context, db, frontend, people, wait_for, web
from tests.people import init_data
from tg_assistant.core.access import one_time_links
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import invites
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import (
    Account,
    AppSession,
    Channel,
    ChannelAccess,
    Dialog,
    Membership,
    Post,
    Question,
    Role,
    Subscription,
    User,
)

__all__ = ["browser", "context", "db", "frontend", "people", "web"]
NAME = 500  # characters: init data, where a name comes from, has 4,096
NAMES = payloads.batches(3_000)  # longer than Telegram's names are, so that few people carry the whole corpus
EVERY = "".join(payloads.batches(1_000)).count("__ran(")  # as often it stands on a page that shows them all
# What would have been made of a payload that was taken for markup; our own pages have none of these.
INJECTED = """() => [...document.querySelectorAll(
    '[onerror],[onload],[onfocus],[ontoggle],[onbegin],[onstart],[onblur],[onmouseover],[srcdoc],object,embed,'
    + 'iframe,marquee,math,base,template:not([id]),a[href^="javascript" i],a[href^="data" i],[src*="elsewhere"],'
    + '[href*="elsewhere"],[action*="javascript" i],meta[http-equiv=refresh]')].map(e => e.outerHTML.slice(0, 200))"""
WIRE = """
window.__ran = n => window.__tripped(`ran ${n}`);
for (const name of ['alert', 'confirm', 'prompt', 'open']) window[name] = (...a) => window.__tripped(`${name} ${a}`);
document.addEventListener('securitypolicyviolation', e => window.__tripped(`csp ${e.violatedDirective} ${e.blockedURI}`));
"""


@dataclass
class Watched:
    """A tab with tripwires; `tripped` says what ran, what was blocked and what was asked of other hosts."""

    page: Page
    tripped: list[str] = field(default_factory=list)

    async def holds(self, place: str, least: int = 1, *, links: str | None = None) -> None:
        """Nothing ran, nothing was injected, and the payloads are there to be read as text.

        Elements that begin with `links` are what the page itself makes of an address.
        """
        shown = "() => document.body.innerText + [...document.querySelectorAll('input')].map(i => i.value)"
        enough = f"least => (({shown})()).split('__ran(').length > least"
        await self.page.wait_for_function(enough, arg=least)
        injected = await self.page.evaluate(INJECTED)
        assert [each for each in injected if links is None or not each.startswith(links)] == [], place
        for move in ("mouse.move(5, 5)", "mouse.move(200, 300)"):
            x, y = move[11:-1].split(", ")
            await self.page.mouse.move(int(x), int(y))
        await self.page.wait_for_timeout(150)
        assert self.tripped == [], (place, self.tripped[:5])


async def watch(context: BrowserContext, url: str) -> Watched:
    """A new tab of which only `url`'s own host may be asked anything."""
    watched = Watched(await context.new_page())
    own = urlsplit(url).netloc

    def asked(request: Request) -> None:
        target = urlsplit(request.url)
        if target.scheme in ("http", "https", "ws", "wss") and target.netloc != own:
            watched.tripped.append(f"off origin {request.url}")

    context.on("request", asked)
    context.on("dialog", lambda dialog: watched.tripped.append(f"dialog {dialog.message}"))
    await context.expose_binding("__tripped", lambda _, said: watched.tripped.append(said))
    await context.add_init_script(WIRE)
    return watched


@pytest.fixture
async def tab(web: Web, context: BrowserContext) -> Watched:
    return await watch(context, web.url)


@pytest.fixture(scope="module")
async def anna(people: People, db: Database) -> Actor:
    """A member around whom everything is a payload."""
    actor = await people.member()
    async with db.transaction(actor.tenant_id) as session:
        account = Account(
            tenant_id=actor.tenant,
            user_id=actor.user_id,
            telegram_id=actor.telegram_id,
            device=payloads.batches(200)[0],
            dialogs_at=datetime.now(UTC),
        )
        session.add(account)
        for row in await session.exec(select(AppSession).where(col(AppSession.user_id) == actor.user_id)):
            row.device = payloads.batches(2_000)[0]
            session.add(row)
        await session.flush()
        channels = []
        for n, title in enumerate(payloads.batches(1_500)):
            channels.append(await _channel(session, actor, account, (n, title)))
            session.add(_dialog(account, n, title))
        for n, text in enumerate(payloads.batches(4_000)):
            session.add(_question(actor, channels[n % len(channels)], n, text))
    return actor


async def _channel(
    session: AsyncSession, actor: Actor, account: Account, numbered: tuple[int, str]
) -> Channel:
    n, title = numbered
    channel = Channel(
        tenant_id=actor.tenant,
        telegram_id=9_000 + n,
        title=title,
        last_error=title if n == 0 else None,
        about=title,
    )
    session.add(channel)
    await session.flush()
    ids = {"tenant_id": actor.tenant, "channel_id": channel.id}
    session.add(Subscription(user_id=actor.user_id, **ids))
    session.add(ChannelAccess(account_id=account.id, user_id=actor.user_id, access_hash=1, **ids))
    facts = {"posted_at": datetime.now(UTC), "text_hash": sha256(title.encode()).digest()}
    session.add(Post(message_id=1, text=title, forward_title=title, **facts, **ids))
    return channel


def _dialog(account: Account, n: int, title: str) -> Dialog:
    own = {"account_id": account.id, "tenant_id": account.tenant_id}
    return Dialog(**own, telegram_id=70_000 + n, access_hash=1, title=title, folder=title[:200], position=n)


def _question(actor: Actor, channel: Channel, n: int, text: str) -> Question:
    """Of a channel that the person still reads: answers on one that was lost show nothing of it."""
    source = {
        "n": 1,
        "post_id": str(uuid4()),
        "channel_id": str(channel.id),
        "channel_title": text[:1000],
        "posted_at": "2026-11-01T10:00:00+00:00",
        "url": f"https://t.me/c/1/{n}",
        "quote": text,
        "score": 0.9,
    }
    own = {"tenant_id": actor.tenant, "user_id": actor.user_id, "door": "app"}
    asked = {"question": text, "answer": f"{text} [1]", "sources": [source], "abstained": False}
    return Question(**own, **asked, created_at=datetime.now(UTC) - timedelta(minutes=n))


def _opened_as(web: Web, actor: Actor, path: str, name: str = "Anna") -> str:
    user = {"id": actor.telegram_id, "first_name": name, "last_name": name[:80], "language_code": "en"}
    launch = {"tgWebAppVersion": "8.0", "tgWebAppPlatform": "ios", "tgWebAppThemeParams": "{}"}
    launch["tgWebAppData"] = init_data(user, query_id=uuid4().hex)
    return f"{web.url}{path}#{urlencode(launch, quote_via=quote)}"


def test_the_corpus_is_large_and_each_one_different() -> None:
    """At least 300, and nothing left unfilled."""
    found = payloads.all_payloads()
    assert len(set(found)) == len(found) >= 300
    assert not [each for each in found if "{c}" in each or "{n}" in each or "{u}" in each]
    assert "".join(payloads.batches(1_500)).count("\n") >= len(found)


async def test_the_wire_trips(tab: Watched, web: Web) -> None:
    """The attack itself is sound: the same payloads taken for markup run, or are blocked and reported."""
    await tab.page.goto(f"{web.url}/tg/connect/{'x' * 43}")
    harmless = [each for each in payloads.all_payloads()[:120] if "refresh" not in each]
    show = "html => { document.body.innerHTML = html; return (" + INJECTED + ")() }"
    assert await tab.page.evaluate(show, "\n".join(harmless)) != []
    async with asyncio.timeout(60):
        while not tab.tripped:  # noqa: ASYNC110 - the browser tells us
            await asyncio.sleep(0.05)


PAGES: dict[str, tuple[str, str, int]] = {
    "questions, answers and sources": ("/tg/app/ask/", "answer", EVERY),
    "titles of followed channels": ("/tg/app/channels/", "channel", EVERY),
    "titles of channels to choose": ("/tg/app/channels/add/", "available", EVERY),
    "names of devices": ("/tg/app/sessions/", "app-session", 0),  # shown are only names that we give
}


@pytest.mark.parametrize("what", PAGES)
async def test_pages_of_the_mini_app(tab: Watched, web: Web, anna: Actor, what: str) -> None:
    """All payloads at once in everything the page shows."""
    path, element, least = PAGES[what]
    await tab.page.goto(_opened_as(web, anna, path))
    await wait_for(tab.page, element)
    if least:
        await tab.page.get_by_text("__ran(").first.wait_for()
    await tab.holds(what, least)


async def test_a_source_opened(tab: Watched, web: Web, anna: Actor) -> None:
    """The sheet with the quoted post."""
    await tab.page.goto(_opened_as(web, anna, "/tg/app/ask/"))
    await (await wait_for(tab.page, "source")).click()
    await wait_for(tab.page, "source-sheet")
    await tab.page.wait_for_timeout(500)
    await tab.holds("source", 100)


async def test_a_persons_name(tab: Watched, web: Web, people: People, db: Database) -> None:
    """As Telegram tells it at sign-in: in the app, and on the second screen's two pages."""
    actor = await people.member()
    for name in payloads.batches(NAME)[:3]:
        await tab.page.goto("about:blank")  # the next address differs in its fragment alone
        await tab.page.goto(_opened_as(web, actor, "/tg/app/", name.replace("\n", " ")))
        await wait_for(tab.page, "home-next")
        await tab.holds("home", 0)
    async with db.transaction(actor.tenant_id) as session:
        person = (await session.exec(select(User).where(User.id == actor.user_id))).one()
        assert "__ran(" in person.first_name


@pytest.mark.parametrize("n", range(len(NAMES)))
async def test_names_on_the_second_screen(
    tab: Watched, web: Web, people: People, db: Database, n: int
) -> None:
    """Both pages say whose account is being connected."""
    actor = await people.member()
    async with db.transaction(actor.tenant_id) as session:
        await _name(session, actor, NAMES[n], "")
        started = await logins.start(session, actor, device="x")
    await tab.page.goto(f"{web.url}/tg/connect/{started.link_token}")
    await tab.holds("link", NAMES[n].count("__ran("))
    await tab.page.get_by_role("button").first.click()
    await tab.page.wait_for_url("**/tg/connect/live")
    await tab.holds("second screen", NAMES[n].count("__ran("))


async def _name(session: AsyncSession, actor: Actor, first: str, last: str) -> None:
    person = (await session.exec(select(User).where(User.id == actor.user_id))).one()
    person.first_name, person.last_name = first, last
    session.add(person)


async def _newcomers(people: People, db: Database, code: str) -> None:
    """People who come by an invite, and carry all payloads in their names between them."""
    for first, last in zip(NAMES[::2], [*NAMES[1::2], ""], strict=False):
        actor = await people.stranger()
        async with db.transaction() as session:
            await _name(session, actor, first, last)
            await invites.redeem(session, actor, code)


# Where every payload stands: in names and in the notes of invites.
FULL = ("people", "invites", "trail")


async def test_the_admin_panel(tab: Watched, web: Web, anna: Actor, people: People, db: Database) -> None:
    """Names, notes of invites, titles, devices and the trail, as an admin sees them."""
    async with db.transaction(anna.tenant_id) as session:
        membership = (await session.exec(select(Membership).where(Membership.user_id == anna.user_id))).one()
        membership.role = Role.owner.value
        for notes in payloads.batches(2_000):
            invite = invites.new(anna.tenant, role=Role.user, uses_limit=100)
            invite.notes = notes
            session.add(invite)
        session.add(membership)
        for row in await session.exec(select(AppSession).where(col(AppSession.user_id) == anna.user_id)):
            row.device = payloads.batches(2_000)[2]
            session.add(row)
        await _name(session, anna, NAMES[0], NAMES[1])
    await _newcomers(people, db, invite.code)
    async with db.transaction(anna.tenant_id) as session:
        token = await one_time_links.make(session, _as_owner(anna), Purpose.admin)
    await tab.page.goto(f"{web.url}/admin/login/{token}")
    await tab.holds("admin link")
    await tab.page.get_by_role("button").first.click()
    await wait_for(tab.page, "panel-overview")
    for link in await _screens(tab.page):
        await tab.page.goto(f"{web.url}{link}")
        await tab.page.wait_for_load_state("networkidle")
        await tab.page.wait_for_timeout(400)
        await tab.holds(link, EVERY if link.split("/")[2] in FULL else 0)


def _as_owner(actor: Actor) -> Actor:
    return actor.__class__(**{**vars(actor), "role": Role.owner})


async def _screens(page: Page) -> list[str]:
    """The addresses of the panel's screens, from its own menu."""
    await page.locator("a[href^='/admin/']").nth(4).wait_for(state="attached")
    found = await page.eval_on_selector_all(
        "a[href^='/admin/']", "all => all.map(a => a.getAttribute('href'))"
    )
    assert len(found) >= 5, found
    return list(dict.fromkeys(found))
