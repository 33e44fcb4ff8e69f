"""Server-sent events through proxies that hold back and cut: heartbeats, going on, an end in time."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from sqlmodel import col, select, update

from tests.api.cutting import proxied
from tests.corpus import a_channel, a_reader, a_tenant
from tests.live import served
from tests.people import init_data
from tg_assistant.api.streaming import answer_streams, sse
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import answers
from tg_assistant.core.answers.answers import Delta, Done, Sources
from tg_assistant.core.retrieval import indexing
from tg_assistant.models import AppSession, Question

NEWS = ["The night ferry to the islands leaves at 23:40 from pier 4. Bring a warm coat."]
QUESTION = {"query": "When does the night ferry leave?"}
STREAM = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module")
def url(settings) -> Iterator[str]:
    with served(settings) as address:
        yield address


@pytest.fixture(scope="module")
async def reader(rt, url):
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, NEWS)
    await indexing.index_dirty(rt, where.id)
    actor = await a_reader(rt, where, 71_001, [channel.id])
    return actor, channel


@pytest.fixture
async def own(url, reader) -> dict[str, str]:
    data = init_data({"id": 71_001, "first_name": "P", "language_code": "en"}, query_id=os.urandom(8).hex())
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.post(f"{url}/api/auth/telegram-webapp", json={"init_data": data})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def read(url, method, path, headers, *, begun=None, **more):
    """Events (id, name, data) until the stream ends or the connection is cut, and the head of the answer.

    The first one sets `begun`.
    """
    events, current = [], {}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream(method, url + path, headers={**STREAM, **headers}, **more) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        try:
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line and not line.startswith(":"):
                    current[name] = value
                elif not line and current:
                    events.append((current.get("id"), current["event"], json.loads(current["data"])))
                    current = {}
                    if begun is not None:
                        begun.set()
        except httpx.TransportError:
            events.append((None, "cut", None))
        return events, answer.headers


def port_of(url):
    return int(url.rpartition(":")[2])


async def test_an_answer_streams_through_a_proxy_that_holds_back(url, own):
    """Sources, pieces, and the whole answer last; nothing on the way is asked to keep it."""
    async with proxied(port_of(url), hold=0.2) as slow:
        events, headers = await read(slow, "POST", "/api/rag/query", own, json=QUESTION)
    assert headers["x-accel-buffering"] == "no" and headers["cache-control"].startswith("no-store")
    names = [name for _, name, _ in events]
    assert names[0] == "sources" and names[-1] == "done" and set(names[1:-1]) == {"delta"}
    done = events[-1][2]["result"]
    assert "".join(data["text"] for _, name, data in events if name == "delta") == done["answer"]
    assert "23:40" in done["answer"] and done["sources"][0]["quote"]


async def test_after_a_cut_the_answer_goes_on_and_nothing_is_asked_twice(url, own, rt, reader):
    """`Last-Event-ID` of the first event brings the rest; the question stands in the list once."""
    async with proxied(port_of(url), cut_after=900) as cutting:
        events, _ = await read(cutting, "POST", "/api/rag/query", own, json=QUESTION)
    assert events[-1][1] == "cut" or events[-1][1] == "done"
    seen = [event for event in events if event[0]][:1]
    first = seen[0][0] if seen else None
    before = await questions_of(rt, reader[0])
    last = first or f"{before[0].id}:0"
    rest, _ = await read(url, "POST", "/api/rag/query", {**own, "Last-Event-ID": last}, json=QUESTION)
    assert rest[-1][1] == "done" and "23:40" in rest[-1][2]["result"]["answer"]
    assert all(event[0] != last for event in rest)
    assert len(await questions_of(rt, reader[0])) == len(before)


async def questions_of(rt, actor):
    async with rt.db.transaction(actor.tenant) as db:
        query = select(Question).where(Question.user_id == actor.user_id)
        return list(await db.exec(query.order_by(col(Question.created_at).desc())))


async def test_another_process_replays_the_saved_answer(url, own, rt, reader):
    """The process that was asked is gone: the saved answer is the one event left."""
    said = [event async for event in answers.ask(rt, replace(reader[0], door="rest"), QUESTION["query"])]
    asked = said[-1].question_id
    rest, _ = await read(url, "POST", "/api/rag/query", {**own, "Last-Event-ID": f"{asked}:1"}, json=QUESTION)
    assert [name for _, name, _ in rest] == ["done"] and rest[0][2]["query_id"] == str(asked)


@pytest.mark.parametrize("last", ["6cd1e0ee-214d-4fe5-88f0-038ca9cf2e33:1", "x", "1", ":", "é:1"])
async def test_a_made_up_place_to_go_on_is_refused(url, own, last):
    """Another's question, or none at all: 404, and nothing is asked."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        headers = {**own, **STREAM, "Last-Event-ID": last.encode()}
        answer = await client.post(f"{url}/api/rag/query", headers=headers, json=QUESTION)
    assert (answer.status_code, answer.json()["code"]) == (404, "questions.not_found")


async def test_the_status_of_an_attempt_ends_in_a_final_event(url, own, rt, reader):
    """Each step once, its last one always; coming back with the last id repeats nothing but the end."""
    actor = reader[0]
    async with rt.db.transaction(actor.tenant) as db:
        started = await logins.start(db, actor)
    path = f"/api/tg/qr/events/{started.login.id}"
    begun = asyncio.Event()
    reading = asyncio.create_task(read(url, "GET", path, own, begun=begun))
    await begun.wait()
    async with rt.db.transaction(actor.tenant) as db:
        await logins.cancel(db, actor, started.login.id)
    events, _ = await reading
    assert [data["status"] for *_, data in events] == ["pending", "cancelled"]
    again, _ = await read(url, "GET", path, {**own, "Last-Event-ID": events[-1][0]})
    assert [data["status"] for *_, data in again] == ["cancelled"]


async def test_a_revoked_session_sees_nothing_more_after_a_second(url, own, rt, reader):
    """An open stream ends with an error event once its session was ended elsewhere."""
    actor = reader[0]
    async with rt.db.transaction(actor.tenant) as db:
        started = await logins.start(db, actor)
    begun = asyncio.Event()
    path = f"/qr-auth/events/{started.login.id}"
    reading = asyncio.create_task(read(url, "GET", path, own, begun=begun))
    await begun.wait()
    async with rt.db.transaction() as db:
        await db.exec(
            update(AppSession).where(AppSession.user_id == actor.user_id).values(revoked_at=datetime.now(UTC))
        )
    async with asyncio.timeout(10):
        events, _ = await reading
    assert events[-1][1] == "error" and events[-1][2]["status"] == 401


async def test_progress_ends_when_everything_can_be_searched(url, own, rt, reader):
    """A channel read to its end answers with one event and ends; the error, if any, is in words."""
    path = f"/api/channels/{reader[1].id}/progress"
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        plain = (await client.get(url + path, headers=own)).json()
    assert plain["done"] == 1 and plain["last_error"] is None
    if plain["finished"]:
        events, _ = await read(url, "GET", path, own)
        assert events[-1][1] == "progress" and events[-1][2]["finished"]


async def test_silence_is_filled_with_heartbeats(monkeypatch):
    """A comment at least every 15 seconds keeps proxies from closing a quiet connection."""
    assert sse.HEARTBEAT_SECONDS <= 15
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.1)
    bell = asyncio.Event()

    async def quiet():
        await bell.wait()
        yield sse.Event("1", "done")

    async def allowed():
        return None

    somebody = Actor(
        user_id=uuid4(), telegram_id=1, language="en", tenant_id=None, role=None, plan="free", door="rest"
    )
    sent: list[bytes] = []

    async def send(message):
        sent.append(message.get("body", b""))
        if len(sent) > 3:
            bell.set()

    async def receive():
        await asyncio.sleep(60)

    await sse.stream(quiet(), somebody, allowed)({"type": "http", "method": "GET"}, receive, send)
    assert any(piece.startswith(b": ping") for piece in sent)
    assert b"event: done" in b"".join(sent)


async def test_asking_survives_its_reader_and_says_what_went_wrong(rt, reader, monkeypatch):
    """Nobody listens: the answer is saved all the same. An unforeseen error becomes one with a reference."""
    question_id = await answer_streams.begin(rt, reader[0], QUESTION["query"], {})
    async with asyncio.timeout(60):
        said = [event async for _, event in answer_streams.follow(rt, reader[0], question_id)]
        again = [n async for n, _ in answer_streams.read_on(rt, reader[0], f"{question_id}:1")]
    assert isinstance(said[0], Sources) and isinstance(said[-1], Done)
    assert any(isinstance(event, Delta) for event in said) and again == list(range(2, len(said) + 1))

    def broken(*_, **__):
        raise RuntimeError("hunter2")

    async def breaks(*_, **__):
        broken()
        yield

    monkeypatch.setattr(answers, "finish", breaks)
    with pytest.raises(Exception, match="internal"):
        begun = await answer_streams.begin(rt, reader[0], "x", {})
        async for _ in answer_streams.follow(rt, reader[0], begun):
            pass


async def test_an_answer_is_followed_past_the_time_it_is_kept(rt, reader):
    """Its minute in memory ended between asking for the stream and reading it."""
    question_id = await answer_streams.begin(rt, reader[0], QUESTION["query"], {})
    followed = answer_streams.follow(rt, reader[0], question_id)
    del answer_streams._live[question_id]
    async with asyncio.timeout(60):
        assert isinstance([event async for _, event in followed][-1], Done)


@pytest.mark.parametrize(("query", "code"), [(" ", "empty_question"), ("x" * 4_001, "question_too_long")])
async def test_a_refused_question_begins_no_stream(url, own, query, code):
    """Its status says so, in a problem document: 422, not 200 and an event."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        headers = {**own, **STREAM}
        answer = await client.post(f"{url}/api/rag/query", headers=headers, json={"query": query})
    assert (answer.status_code, answer.json()["code"]) == (422, f"answers.{code}")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_slow_answer_has_begun_before_its_first_word(url, own, monkeypatch):
    """The search takes long: the head of the answer is there, and heartbeats can fill the silence."""
    let_go = threading.Event()  # the server has a loop of its own
    finish = answers.finish

    async def slow(*given):
        await asyncio.to_thread(let_go.wait, 120)
        async for event in finish(*given):
            yield event

    monkeypatch.setattr(answers, "finish", slow)
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
        client.stream("POST", f"{url}/api/rag/query", headers={**own, **STREAM}, json=QUESTION) as answer,
    ):
        assert answer.status_code == 200
        let_go.set()
        assert "event: done" in (await answer.aread()).decode()


async def test_another_persons_attempt_has_no_stream(url, own):
    """404 before a stream begins, as for an attempt that does not exist."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.get(f"{url}/api/tg/qr/events/{uuid4()}", headers=own)
    assert answer.status_code == 404
