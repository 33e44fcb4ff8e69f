"""Event streams opened by the hundred: a person has eight, the others and the database go on."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest

from tests.live import served
from tests.people import init_data, member, tenant
from tg_assistant.api.streaming import stream_limits
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.errors import LimitReached, SignInNeeded
from tg_assistant.infra.runtime import Runtime
from tg_assistant.settings.groups import Settings

NEXT = iter(range(860_000, 860_999))


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    with served(settings) as address:
        yield address


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as made:
        yield made


async def someone(rt: Runtime, url: str, client: httpx.AsyncClient) -> tuple[dict[str, str], str]:
    """A member's token, and the address of a stream that stays open."""
    async with rt.db.transaction() as db:
        actor = await member(db, await tenant(db), next(NEXT))
    async with rt.db.transaction(actor.tenant) as db:
        started = await logins.start(db, actor)
    data = init_data({"id": actor.telegram_id, "first_name": "P"}, query_id=os.urandom(8).hex())
    answer = await client.post(f"{url}/api/auth/telegram-webapp", json={"init_data": data})
    client.cookies.clear()
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return bearer, f"{url}/api/tg/qr/events/{started.login.id}"


async def test_opening_streams_without_end(url: str, rt: Runtime, client: httpx.AsyncClient):
    """Of forty at once eight open; nobody else is touched, and a closed one makes room again."""
    (mine, path), (theirs, other) = [await someone(rt, url, client) for _ in range(2)]
    async with AsyncExitStack() as closing:
        requests = [
            client.send(client.build_request("GET", path, headers=mine), stream=True) for _ in range(40)
        ]
        answers = await asyncio.gather(*requests)
        for answer in answers:
            closing.push_async_callback(answer.aclose)
        assert sorted(one.status_code for one in answers) == [200] * 8 + [429] * 32
        refused = next(one for one in answers if one.status_code == 429)
        assert (await refused.aread()) and refused.json()["code"] == "limits.streams"
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["ratelimit-policy"].startswith('"streams";q=8;')
        async with client.stream("GET", other, headers=theirs) as open_one:
            assert open_one.status_code == 200
        asked = await client.post(
            f"{url}/api/rag/query",
            json={"query": "x"},
            headers={**mine, "Accept": "text/event-stream"},
        )
        assert asked.status_code == 429
        history = await client.get(f"{url}/api/rag/history", headers=mine)
        assert history.json()["items"] == []  # the question was not asked
    async with asyncio.timeout(60):
        while True:
            async with client.stream("GET", path, headers=mine) as again:
                if again.status_code == 200:
                    break
            await asyncio.sleep(0.2)


def actor() -> Actor:
    return cast(Actor, SimpleNamespace(user_id=uuid4(), session_id=uuid4()))


async def test_a_process_has_its_own_bound(monkeypatch: pytest.MonkeyPatch):
    """Many people with few streams each: the process refuses the next, before the database starves."""
    async with asyncio.timeout(60):  # the server of the test above may yet have to notice what was closed
        while stream_limits._open.total():  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.05)
    monkeypatch.setattr(stream_limits, "PER_PROCESS", 3)
    people = [actor() for _ in range(3)]
    for one in people:
        stream_limits.enter(one)
    with pytest.raises(LimitReached):
        stream_limits.enter(actor())
    stream_limits.leave(people[0].user_id)
    stream_limits.enter(people[0])
    for one in people:
        stream_limits.leave(one.user_id)
    assert all(one.user_id not in stream_limits._open for one in people)


async def test_a_session_is_looked_at_once_for_all_its_streams():
    """Eight streams ask the database as often as one does; another session, and a later time, ask anew."""
    looks: list[Any] = []

    async def look() -> None:
        looks.append(None)
        await asyncio.sleep(0.01)

    async def gone() -> None:
        raise SignInNeeded("access.token")

    one, other = actor(), actor()
    await asyncio.gather(*(stream_limits.shared(one, look)() for _ in range(8)))
    assert len(looks) == 1
    await stream_limits.shared(other, look)()
    assert len(looks) == 2
    await asyncio.sleep(0.3)
    for _ in range(2):
        with pytest.raises(SignInNeeded):
            await stream_limits.shared(one, gone)()
