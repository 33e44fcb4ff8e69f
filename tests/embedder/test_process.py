"""The embedder as a process of its own: what it needs, its health, its end, and kill −9."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.embedder.conftest import KEY
from tg_assistant.demo.ports import free_port
from tg_assistant.errors import Unavailable
from tg_assistant.infra.embeddings import SharedEmbedder


@pytest.fixture(scope="module")
def environment(model_dir: Path) -> dict[str, str]:
    """No token, no database: the embedder has the key its callers show, and nothing of anybody's."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {
        "ENV_FILE": os.devnull,
        "EMBEDDER_PORT": str(free_port()),
        "EMBEDDER_KEY": KEY,
        "EMBEDDING_CACHE_DIR": str(model_dir),
        "HEALTH_PORT": str(free_port()),
    }


@asynccontextmanager
async def process(environment: dict[str, str]):
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tg_assistant.embedder"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


@pytest.fixture
async def caller(environment: dict[str, str]):
    embedder = SharedEmbedder(f"http://127.0.0.1:{environment['EMBEDDER_PORT']}", KEY)
    yield embedder
    await embedder.close()


async def until_it_answers(caller: SharedEmbedder) -> None:
    async with asyncio.timeout(60):
        while not await caller.answers():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def test_it_starts_embeds_and_ends_in_order(environment, caller):
    """Healthy at both ports; at SIGTERM what is being embedded is still answered, and the exit code is 0."""
    async with process(environment) as started:
        await until_it_answers(caller)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{environment['HEALTH_PORT']}") as http:
            said = (await http.get("/health")).json()
            # loading it may keep the loop for seconds on a busy machine, which health remembers for a while
            assert set(said["checks"]) == {"loop", "texts", "model"} and said["checks"]["model"]
        embedding = asyncio.create_task(caller.embed_passages(["новость дня " * 20] * 40, background=True))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{environment['HEALTH_PORT']}") as http:
            while "embedding_latency_seconds_count 0" in (await http.get("/metrics")).text:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        started.send_signal(signal.SIGTERM)
        assert (await embedding).shape == (40, 384)
        async with asyncio.timeout(20):
            assert await started.wait() == 0
        assert not await caller.answers()


async def test_a_caller_outlives_a_kill(environment, caller):
    """Killed with -9 amid a batch: an error in words at once; the same caller works with the next one."""
    async with process(environment) as started:
        await until_it_answers(caller)
        embedding = asyncio.create_task(caller.embed_passages(["новость дня " * 40] * 64, background=True))
        await asyncio.sleep(0.1)
        started.kill()
        async with asyncio.timeout(10):
            with pytest.raises(Unavailable) as error:
                await embedding
        assert error.value.code == "embeddings.unavailable" and error.value.retry_after
    async with process(environment):
        await until_it_answers(caller)
        assert (await caller.embed_query("вопрос")).shape == (384,)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"EMBEDDER_HOST": "0.0.0.0", "EMBEDDER_KEY": ""}, "EMBEDDER_KEY: needs at least 32 random bytes"),
        ({"EMBEDDER_KEY": "short"}, "EMBEDDER_KEY: needs at least 32 random bytes"),
        ({"EMBEDDER_PORT": "http"}, "EMBEDDER_PORT"),
    ],
)
async def test_a_wrong_setting_is_one_sentence(environment, changed, said):
    """Whoever listens to a network needs a key that nobody guesses."""
    async with process(environment | changed) as started:
        out, err = await started.communicate()
    assert started.returncode == 1 and out == b""
    assert err.decode().startswith(said) and err.decode().count("\n") == 1
