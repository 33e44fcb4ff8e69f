"""The embedder's service: the same vectors as in the process, questions first, nothing for strangers."""

import asyncio
import time

import httpx
import numpy as np
import pytest
from openai import AsyncOpenAI
from structlog.testing import capture_logs

from tests.embedder.conftest import KEY, Slow, served
from tg_assistant.demo.ports import free_port
from tg_assistant.embedder import service
from tg_assistant.errors import Unavailable
from tg_assistant.infra.embeddings import LocalEmbedder, SharedEmbedder, right_of_way
from tg_assistant.infra.embeddings.local import THREADS
from tg_assistant.infra.embeddings.shared import BATCH, LARGEST, PAUSES

POSTS = [f"Новость номер {n}: мост через Волгу закроют на ремонт. " * (n % 4 + 1) for n in range(70)]
ODD = ["", "🎉🎉🎉", "\x00\n\t", "query: как бы запрос", "слово " * 5_000, "日本語 mixed текст"]


async def begun(engine: Slow, count: int = 1) -> int:
    """Wait until so many texts have begun; return how many have."""
    while len(engine.begun) < count:  # noqa: ASYNC110 - the threads set no event
        await asyncio.sleep(0.001)
    return len(engine.begun)


async def test_vectors_are_those_of_this_process_bit_by_bit(local: LocalEmbedder, shared: SharedEmbedder):
    """Stored vectors stay valid whichever way they come, so every bit of them is the same."""
    assert shared.model == local.model and shared.dimension == local.dimension
    for texts in (POSTS, ODD):
        there = await shared.embed_passages(texts, background=True)
        here = await local.embed_passages(texts)
        assert there.dtype == here.dtype == np.float32
        assert there.tobytes() == here.tobytes()
    question = await shared.embed_query("Когда закроют мост?")
    assert question.tobytes() == (await local.embed_query("Когда закроют мост?")).tobytes()
    words = ["мост", "bridge", "мост"]
    assert (await shared.embed_words(words)).tobytes() == (await local.embed_words(words)).tobytes()
    assert (await shared.embed_passages([])).shape == (await shared.embed_words([])).shape == (0, 384)


async def test_openais_own_client_understands_it(local: LocalEmbedder, url: str):
    """Whatever speaks OpenAI's protocol can use it: by base64, that client's default, and by numbers."""
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        assert [model.id async for model in client.models.list()] == [local.model]
        here = await local.embed_query("Когда закроют мост?")
        for form in ({}, {"encoding_format": "float"}):
            said = await client.embeddings.create(
                model=local.model, input=["query: Когда закроют мост?"], **form
            )
            assert np.array(said.data[0].embedding, np.float32).tobytes() == here.tobytes()


async def test_a_question_waits_for_no_backfill(slow: LocalEmbedder, engine: Slow):
    """While three callers embed posts, a question begins at once, and no post begins beside it."""
    async with served(slow) as url:
        ingest, web = SharedEmbedder(url, KEY), SharedEmbedder(url, KEY)
        backfill = [
            asyncio.create_task(ingest.embed_passages(["post"] * BATCH, background=True)) for _ in range(3)
        ]
        for n in range(5):
            before = await begun(engine, 12 * (n + 1))
            await web.embed_query(f"question {n}")
            happened = engine.begun[before:]
            at = happened.index(f"question {n}")
            # posts may begin until the request is there, a few milliseconds of their twenty
            assert at <= 2 * THREADS
            # a post that was about to begin; five would in the time of a question
            assert happened.index("done", at) - at - 1 <= THREADS
        assert not any(each.done() for each in backfill)
        await asyncio.gather(*backfill)
        await ingest.close()
        await web.close()
    assert engine.begun.count("post") == 3 * BATCH


async def test_questions_without_end_stop_no_indexing(slow: LocalEmbedder, monkeypatch: pytest.MonkeyPatch):
    """The background gives way for a while only: a busy day must not leave new posts out of the index."""
    monkeypatch.setattr(right_of_way, "PATIENCE", 0.01)
    with slow._right_of_way.taken():
        async with asyncio.timeout(20):
            assert (await slow.embed_passages(["post"] * 4, background=True)).shape == (4, 384)


async def test_what_nobody_waits_for_any_more_is_dropped(slow: LocalEmbedder, engine: Slow):
    """A caller that went away leaves at most the texts that were being embedded."""
    async with served(slow) as url:
        gone, other = SharedEmbedder(url, KEY), SharedEmbedder(url, KEY)
        asking = asyncio.create_task(gone.embed_passages(["nobody's"] * BATCH, background=True))
        await begun(engine)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await gone.close()
        await other.embed_passages(["somebody's"] * 8, background=True)
        await other.close()
    assert engine.begun.count("nobody's") < 16 < BATCH


async def test_a_restart_is_bridged(local: LocalEmbedder):
    """A question asked while nobody listens is answered once somebody does again."""
    port = free_port()
    caller = SharedEmbedder(f"http://127.0.0.1:{port}", KEY)
    asking = asyncio.create_task(caller.embed_query("вопрос"))
    await asyncio.sleep(0.4)
    async with served(local, port=port):
        assert (await asking).shape == (384,)
        assert await caller.answers()
    await caller.close()


async def test_a_service_that_is_away_holds_nobody_up():
    """Seconds for the first call; the next ones, as one answer makes several, fail at once."""
    caller = SharedEmbedder(f"http://127.0.0.1:{free_port()}", KEY)
    assert not await caller.answers()
    times = [time.monotonic()]
    for _ in range(3):
        with pytest.raises(Unavailable) as error:
            await caller.embed_query("вопрос")
        assert error.value.code == "embeddings.unavailable" and error.value.retry_after
        times.append(time.monotonic())
    await caller.close()
    assert sum(PAUSES) <= times[1] - times[0] < sum(PAUSES) + 3
    assert times[3] - times[1] < sum(PAUSES)


async def test_it_takes_no_more_than_it_can_do_in_time(
    slow: LocalEmbedder, engine: Slow, monkeypatch: pytest.MonkeyPatch
):
    """Beyond its room a caller is told to come again, and comes; questions have room of their own."""
    monkeypatch.setitem(service.ROOM, True, BATCH)
    async with served(slow) as url:
        first, second = SharedEmbedder(url, KEY), SharedEmbedder(url, KEY)
        filling = asyncio.create_task(first.embed_passages(["post"] * BATCH, background=True))
        await begun(engine)
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as http:
            body = {"model": slow.model, "input": ["passage: more"], "priority": 1}
            refused = await http.post("/v1/embeddings", json=body)
            assert refused.status_code == 503 and refused.headers["Retry-After"] == "1"
        await second.embed_query("question")
        assert not filling.done()
        await second.embed_passages(["more"], background=True)
        await filling
        await first.close()
        await second.close()


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"model": "another-model"}, 404, "model_not_found"),
        ({"input": []}, 422, "invalid_request"),
        ({"input": ["query: x"] * (BATCH + 1)}, 422, "invalid_request"),
        ({"input": "query: x"}, 422, "invalid_request"),
        ({"input": ["no prefix"]}, 422, "no_prefix"),
        ({"encoding_format": "hex"}, 422, "invalid_request"),
        ({"input": ["query: " + "x" * LARGEST]}, 413, "too_large"),
    ],
)
async def test_what_it_refuses(local: LocalEmbedder, url: str, changed, status: int, code: str):
    """Another model's texts, too many, too large, of another form: refused by code, quoting nobody."""
    body = {"model": local.model, "input": ["query: тайна"], "encoding_format": "base64"} | changed
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as http:
        refused = await http.post("/v1/embeddings", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (status, code)
    assert "тайна" not in refused.text


async def test_it_asks_for_the_key(url: str):
    """Without it, or with another, there is health and nothing else; our own caller says what is wrong."""
    async with httpx.AsyncClient(base_url=url) as http:
        assert (await http.get("/health")).json() == {"status": "ok", "checks": {"model": True}}
        for path in ("/v1/models", "/v1/embeddings", "/nowhere"):
            assert (await http.get(path)).status_code == 401
    for key in (None, "another key"):
        stranger = SharedEmbedder(url, key)
        with capture_logs() as logs, pytest.raises(Unavailable) as error:
            await stranger.embed_query("вопрос")
        await stranger.close()
        assert error.value.code == "embeddings.unavailable"
        assert [(each["event"], each["status"]) for each in logs] == [("embedder.refused", 401)]


async def test_an_engine_that_fails_is_told_of_without_the_text(
    slow: LocalEmbedder, engine: Slow, monkeypatch: pytest.MonkeyPatch
):
    """The caller gets our error; the service's log has the place, the text of a person stays out of it."""

    def fail(prefix: str, text: str) -> np.ndarray:
        raise RuntimeError("broken")

    monkeypatch.setattr(engine, "embed", fail)
    async with served(slow) as url:
        caller = SharedEmbedder(url, KEY)
        with capture_logs() as logs, pytest.raises(Unavailable):
            await caller.embed_query("тайна")
        await caller.close()
    assert [each["event"] for each in logs] == ["embedder.failed", "embedder.refused"]
    assert "тайна" not in str(logs)
