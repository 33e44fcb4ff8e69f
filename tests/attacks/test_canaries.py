"""A thousand groups with a secret each ask for all secrets: everybody gets the own one, from any door."""

import asyncio
import io
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Request
from pydantic import SecretStr
from sqlalchemy import func, update
from sqlmodel import col, select

from sandbox.control import Sandbox
from tests.attacks import canaries
from tests.attacks.canaries import ELSEWHERE, QUESTION, Group, Obedient
from tests.bot.chat import Chat, links
from tests.bot.conftest import plain_logs, running, telegram
from tests.corpus import a_channel, a_tenant
from tests.followed import account
from tests.pages.conftest import PATIENCE, Web, browser, frontend, serving, wait_for
from tests.people import member
from tests.servers import all_tenants
from tg_assistant.core.access import access_tokens
from tg_assistant.core.access.access_tokens import Claims
from tg_assistant.core.retrieval import indexing
from tg_assistant.demo.chroma import running_chroma
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.models import Channel, ChannelAccess, Question, Subscription
from tg_assistant.settings.groups import Settings

__all__ = ["browser", "frontend", "plain_logs", "telegram"]
GROUPS = 1_000
SAMPLED = 20
FIRST = 30_000_001
AT_ONCE = 6
TABS = 4
ASK = "mutation ($q: String!) { ask(question: $q) { answer sources { quote url channelTitle } } }"
SEARCH = "query ($q: String!) { search(query: $q) { edges { node { post { text } } } } }"
POSTS = "{ posts(first: 100) { edges { node { text } } } }"


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with canaries.obedient_model() as url:
        yield url


@pytest.fixture(scope="module")
def chroma_url(workdir: Path) -> Iterator[str]:
    """A server of its own: a thousand collections take 2.8 GB, which it gives back only as it ends."""
    with running_chroma(workdir / "canaries") as url:
        yield url


@pytest.fixture(scope="module")
def settings(settings: Settings, model: str) -> Settings:
    return canaries.with_model(settings, model)


@pytest.fixture(scope="module")
def chatting(telegram: Sandbox) -> list[Chat]:
    """People of the local Telegram: those of the sampled groups, which ask the bot."""
    known = telegram.world.people
    people = [known.add({"key": f"reader{n}", "first_name": f"Reader {n}"}) for n in range(SAMPLED)]
    return [Chat(telegram, person.key) for person in people]


@pytest.fixture(scope="module")
async def groups(rt: Runtime, chatting: list[Chat]) -> list[Group]:
    """Of the people who chat first, then of as many others as make a thousand."""
    others = range(FIRST, FIRST + GROUPS - len(chatting))
    return await canaries.seed(rt, [*(chat.person.id for chat in chatting), *others])


@pytest.fixture(scope="module")
def app(
    database: Postgres, workdir: Path, model_dir: Path, chroma_url: str, model: str, frontend: None
) -> Iterator[Web]:
    """The web process above the same database, index and model."""
    more = {"LLM_BASE_URL": model, "LLM_MODEL": "obedient", "CHROMA_URL": chroma_url}
    more["EMBEDDING_CACHE_DIR"] = str(model_dir)
    with serving(database, workdir, settings=more) as web:
        yield web


def bearer(rt: Runtime, group: Group) -> dict[str, str]:
    secret = rt.settings.security.jwt_secret.get_secret_value()
    claims = Claims(group.user_id, group.session_id)
    token = access_tokens.issue(claims, secret=secret, ttl_seconds=1_800, now=datetime.now(UTC))
    return {"Authorization": f"Bearer {token}"}


async def answered(rt: Runtime, group: Group) -> int:
    """How many answers the person's page shows before another question."""
    async with rt.db.transaction(group.tenant_id) as db:
        mine = select(func.count()).where(Question.user_id == group.user_id)
        return (await db.exec(mine.where(col(Question.abstained).is_(False)))).one()


async def over_rest(http: httpx.AsyncClient, headers: dict[str, str]) -> str:
    answer = await http.post("/api/rag/query", json={"query": QUESTION}, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def over_graphql(http: httpx.AsyncClient, headers: dict[str, str], query: str = ASK) -> str:
    variables = {"q": QUESTION} if "$q" in query else {}
    answer = await http.post("/api/graphql", json={"query": query, "variables": variables}, headers=headers)
    assert answer.status_code == 200 and not answer.json().get("errors"), answer.text
    return answer.text


@pytest.mark.timeout(1800)  # two thousand answers are written
async def test_a_thousand_groups_ask_for_all_canaries(
    http: httpx.AsyncClient, app: Web, rt: Runtime, groups: list[Group]
) -> None:
    """Over REST and GraphQL: the asker's canary and no other, though the model prints all it was given."""
    asked = Obedient.asked
    async with httpx.AsyncClient(base_url=app.url, timeout=60, trust_env=False) as served:
        # half of them are answered by another process: one event loop is one core
        lines = [(client, asyncio.Semaphore(AT_ONCE)) for client in (http, served)]

        async def ask(n: int, group: Group) -> None:
            client, some = lines[n % 2]
            for door in (over_rest, over_graphql):
                async with some:
                    said = await door(client, bearer(rt, group))
                assert canaries.canaries(said) == {group.canary}, (door.__name__, group.telegram_id)

        await asyncio.gather(*(ask(n, group) for n, group in enumerate(groups)))
    assert len(groups) == GROUPS
    assert Obedient.asked - asked >= 2 * GROUPS, "every answer was written by the model"


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


async def test_in_the_app(rt: Runtime, app: Web, groups: list[Group], browser: Browser) -> None:
    """The same in Chromium: one's own canary is on the page, and nothing is asked of another host."""
    some, hosts, asked = asyncio.Semaphore(TABS), set[str](), Obedient.asked

    def seen(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            hosts.add(httpx.URL(request.url).host)

    async def ask(group: Group) -> None:
        before = await answered(rt, group)
        async with some, await browser.new_context(viewport={"width": 390, "height": 844}) as context:
            context.set_default_timeout(PATIENCE)
            page = await context.new_page()
            page.on("request", seen)
            await page.goto(app.open_as(group.telegram_id, path="/tg/app/ask/"))
            field = await wait_for(page, "ask-input")
            await field.fill(QUESTION)
            await field.press("Enter")
            answers = page.locator("[data-testid=answer][data-state=done]")
            await answers.nth(before).wait_for()
            assert canaries.canaries(await page.content()) == {group.canary}
            assert await page.locator(f"img[src*='{ELSEWHERE}']").count() == 0

    await asyncio.gather(*map(ask, groups[:: GROUPS // SAMPLED]))
    assert hosts == {"127.0.0.1"}
    assert Obedient.asked - asked >= SAMPLED


async def test_in_the_bot(
    settings: Settings, telegram: Sandbox, chatting: list[Chat], groups: list[Group]
) -> None:
    """Each chat is told its own canary, and no address of a post's is made a link."""
    own = {"bot_token": SecretStr(telegram.install["bot_token"]), "bot_api_base": telegram.bot_api_url}
    bots = settings.model_copy(update={"telegram": settings.telegram.model_copy(update=own)})
    asked = Obedient.asked
    async with open_runtime(bots) as rt, running(rt):
        for chat, group in zip(chatting, groups, strict=False):
            answer = await chat.says(QUESTION, contains="KEY-", seconds=60)
            said = "\n".join([*chat.heard(), *links(answer)])
            assert canaries.canaries(said) == {group.canary}
            assert not any(ELSEWHERE in link for link in links(answer)), "an address of a post's is no source"
    assert Obedient.asked - asked >= SAMPLED


async def answered_before(http: httpx.AsyncClient, headers: dict[str, str]) -> list[str]:
    """The person's old answers, at each door that repeats them."""
    history = await http.get("/api/rag/history", headers=headers)
    query = {"query": "{questions{edges{node{answer sources{quote channelTitle}}}}}"}
    over_graphql = await http.post("/api/graphql", json=query, headers=headers)
    archive = await http.get("/api/users/me/export", headers=headers)
    with zipfile.ZipFile(io.BytesIO(archive.content)) as archived:
        exported = archived.read("questions.json").decode()
    assert history.is_success and not over_graphql.json()["errors"]
    return [history.text, over_graphql.text, exported]


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
        )
    await indexing.index_dirty(rt, where.id)
    of_a, of_b = await sign_in(a.telegram_id), await sign_in(b.telegram_id)

    async def reads(headers: dict[str, str]) -> list[set[str]]:
        search = await http.get("/api/search", params={"q": "spare key"}, headers=headers)
        listed = await http.get("/api/posts", headers=headers)
        said = [await over_rest(http, headers), await over_graphql(http, headers), search.text, listed.text]
        return [canaries.canaries(each) for each in [*said, *await answered_before(http, headers)]]

    assert await reads(of_a) == [{group.canary}] * 7
    assert await reads(of_b) == [set()] * 7
    async with all_tenants(rt) as db:
        mine = update(ChannelAccess).where(col(ChannelAccess.channel_id) == channel.id)
        await db.exec(mine.values(lost_at=datetime.now(UTC)))
    began = time.monotonic()
    assert await reads(of_a) == [set()] * 7
    assert time.monotonic() - began < 60
    async with all_tenants(rt) as db:
        await db.exec(mine.values(lost_at=None))
    assert await reads(of_a) == [{group.canary}] * 7  # nothing was lost with the access
