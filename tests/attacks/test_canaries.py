"""A thousand groups with a secret each ask for all secrets: everybody gets the own one, from any door."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Request
from sqlalchemy import update
from sqlmodel import col

from tests.attacks import canaries
from tests.attacks.canaries import ELSEWHERE, QUESTION, Group, Obedient
from tests.corpus import a_channel, a_tenant
from tests.followed import account
from tests.pages.conftest import browser, frontend, serving, wait_for
from tests.people import member
from tests.servers import all_tenants
from tg_assistant.core import indexing, tokens
from tg_assistant.core.tokens import Claims
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, ChannelAccess, Subscription
from tg_assistant.settings import Settings

__all__ = ["browser", "frontend"]
GROUPS = 1_000
SAMPLED = 20
FIRST = 30_000_001
AT_ONCE = 8
ASK = "mutation ($q: String!) { ask(question: $q) { answer sources { quote url channelTitle } } }"
SEARCH = "query ($q: String!) { search(query: $q) { edges { node { post { text } } } } }"
POSTS = "{ posts(first: 100) { edges { node { text } } } }"


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with canaries.obedient_model() as url:
        yield url


@pytest.fixture(scope="module")
def settings(settings: Settings, model: str) -> Settings:
    return canaries.with_model(settings, model)


@pytest.fixture(scope="module")
async def groups(rt: Runtime, at_length: bool) -> list[Group]:
    return await canaries.seed(rt, range(FIRST, FIRST + GROUPS), indexed=1 if at_length else 5)


def bearer(rt: Runtime, group: Group) -> dict[str, str]:
    secret = rt.settings.security.jwt_secret.get_secret_value()
    claims = Claims(group.user_id, group.session_id)
    token = tokens.issue(claims, secret=secret, ttl_seconds=1_800, now=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


async def over_rest(http: httpx.AsyncClient, headers: dict[str, str]) -> str:
    answer = await http.post("/api/rag/query", json={"query": QUESTION}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def over_graphql(http: httpx.AsyncClient, headers: dict[str, str], query: str = ASK) -> str:
    variables = {"q": QUESTION} if "$q" in query else {}
    answer = await http.post("/api/graphql", json={"query": query, "variables": variables}, headers=headers)
    assert answer.status_code == 200 and not answer.json().get("errors"), answer.text
    return answer.text


async def test_a_thousand_groups_ask_for_all_canaries(
    http: httpx.AsyncClient, rt: Runtime, groups: list[Group], at_length: bool
) -> None:
    """Each answer has the asker's canary and no other, though the model prints all it was given."""
    doors: list[Callable[..., Awaitable[str]]] = [over_rest, over_graphql]
    some, asked = asyncio.Semaphore(AT_ONCE), Obedient.asked

    async def ask(n: int, group: Group) -> None:
        for door in doors if at_length else [doors[n % 2]]:
            async with some:
                said = await door(http, bearer(rt, group))
            assert canaries.canaries(said) == {group.canary}, (door.__name__, group.telegram_id)

    await asyncio.gather(*(ask(n, group) for n, group in enumerate(groups)))
    assert Obedient.asked - asked >= len(groups), "every answer was written by the model"


async def test_every_other_way_of_reading(http: httpx.AsyncClient, rt: Runtime, groups: list[Group]) -> None:
    """Searches of all kinds, lists and histories, over both doors."""
    for group in groups[:: GROUPS // SAMPLED]:
        headers, own = bearer(rt, group), {group.canary}
        for mode in ("hybrid", "exact", "semantic"):
            found = await http.get("/api/search", params={"q": "spare key", "mode": mode}, headers=headers)
            assert found.status_code == 200 and canaries.canaries(found.text) == own, (mode, found.text)
        for path in ("/api/posts", "/api/rag/history", "/api/channels"):
            listed = await http.get(path, headers=headers)
            assert listed.status_code == 200 and canaries.canaries(listed.text) <= own, path
        for query in (SEARCH, POSTS):
            assert canaries.canaries(await over_graphql(http, headers, query)) == own
        other = groups[0] if group is not groups[0] else groups[1]
        narrowed = {"query": QUESTION, "channel_ids": [str(other.channel_id)]}
        refused = await http.post("/api/rag/query", json=narrowed, headers=headers)
        assert canaries.canaries(refused.text) == set()


async def test_in_the_app(
    database: Postgres,
    workdir: Path,
    model_dir: Path,
    chroma_url: str,
    model: str,
    groups: list[Group],
    frontend: None,
    browser: Browser,
    at_length: bool,
) -> None:
    """The same in Chromium: one's own canary is on the page, and nothing is asked of another host."""
    more = {"LLM_BASE_URL": model, "LLM_MODEL": "obedient", "CHROMA_URL": chroma_url}
    more["EMBEDDING_CACHE_DIR"] = str(model_dir)
    asked_of: set[str] = set()

    def seen(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            asked_of.add(httpx.URL(request.url).host)

    with serving(database, workdir, settings=more) as web:
        for group in groups[:: GROUPS // (SAMPLED if at_length else 4)]:
            context = await browser.new_context(viewport={"width": 390, "height": 844})
            page = await context.new_page()
            page.on("request", seen)
            await page.goto(web.open_as(group.telegram_id, path="/tg/app/ask/"))
            field = await wait_for(page, "ask-input")
            await field.fill(QUESTION)
            await field.press("Enter")
            await page.locator("[data-testid=answer][data-state=done]").wait_for(timeout=30_000)
            shown = await page.content()
            assert canaries.canaries(shown) == {group.canary}
            assert await page.locator(f"img[src*='{ELSEWHERE}']").count() == 0
            await context.close()
    assert asked_of == {"127.0.0.1"}


async def test_a_private_channel(http: httpx.AsyncClient, rt: Runtime, sign_in: Any) -> None:
    """Followed by A it never answers B, even if B is made to follow it; without access not even A."""
    where = await a_tenant(rt)
    group = canaries.group_of(FIRST - 1)
    channel = await a_channel(rt, where, canaries.texts(group))
    async with rt.db.transaction() as db:
        a = await member(db, where, FIRST - 1)
        linked = await account(db, a)
        ids = {"user_id": a.user_id, "channel_id": channel.id, "tenant_id": where.id}
        db.add(Subscription(**ids))
        db.add(ChannelAccess(account_id=linked.id, access_hash=1, **ids))
        b = await member(db, where, FIRST - 2)
        await account(db, b)
        db.add(Subscription(user_id=b.user_id, channel_id=channel.id, tenant_id=where.id))
        await db.exec(
            update(Channel).where(col(Channel.id) == channel.id).values(private=True, username=None)
        )  # type: ignore[call-overload]
    await indexing.index_dirty(rt, where.id)
    of_a, of_b = await sign_in(a.telegram_id), await sign_in(b.telegram_id)

    async def reads(headers: dict[str, str]) -> list[set[str]]:
        search = await http.get("/api/search", params={"q": "spare key"}, headers=headers)
        listed = await http.get("/api/posts", headers=headers)
        said = [await over_rest(http, headers), await over_graphql(http, headers), search.text, listed.text]
        return [canaries.canaries(each) for each in said]

    assert await reads(of_a) == [{group.canary}] * 4
    assert await reads(of_b) == [set()] * 4
    async with all_tenants(rt) as db:
        mine = update(ChannelAccess).where(col(ChannelAccess.channel_id) == channel.id)
        await db.exec(mine.values(lost_at=datetime.now(UTC)))  # type: ignore[call-overload]
    began = time.monotonic()
    assert await reads(of_a) == [set()] * 4
    assert time.monotonic() - began < 20
