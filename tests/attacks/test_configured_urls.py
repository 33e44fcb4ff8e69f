"""Neighbours at configured addresses that turn on us, or are none: redirects inside, other schemes."""

import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import numpy as np
import pytest
from pydantic import SecretStr

from tests.servers import BOT_TOKEN, LLM_KEY
from tg_assistant.core import health
from tg_assistant.errors import Unavailable
from tg_assistant.infra import bot_api
from tg_assistant.infra.embeddings import OpenAIEmbedder, SharedEmbedder
from tg_assistant.infra.llm import open_llm
from tg_assistant.infra.runtime import Runtime
from tg_assistant.infra.vectors import Space, Vectors
from tg_assistant.settings.groups import RetrievalSettings, TelegramSettings

REDIRECTS = (301, 302, 303, 307, 308)
ODD = (
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp://127.0.0.1/x",
    "//127.0.0.1",
    "javascript:1",
)


@contextmanager
def _sending_away(to: str, status: int) -> Iterator[str]:
    """A server that answers every request with a redirect."""

    class Turncoat(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Location", to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the base class calls it so

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Turncoat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


async def _llm(url: str) -> None:
    at = {"llm_base_url": f"{url}/v1", "llm_api_key": SecretStr(LLM_KEY), "llm_model": "m"}
    settings = RetrievalSettings().model_copy(update=at)  # unchecked: the settings refuse the odd ones
    llm = open_llm(settings)
    assert llm is not None
    try:
        assert [piece async for piece in llm.stream("system", "posts of somebody's")] == []
    finally:
        await llm.close()


async def _embeddings(url: str) -> None:
    embedder = OpenAIEmbedder(base_url=f"{url}/v1", api_key="k", model="m", dimension=3)
    try:
        await embedder.embed_query("a question of somebody's")
    finally:
        await embedder.close()


async def _embedder(url: str) -> None:
    embedder = SharedEmbedder(url, "k")
    try:
        assert not await embedder.answers()
        await embedder.embed_query("a question of somebody's")
    finally:
        await embedder.close()


async def _chroma(url: str) -> None:
    vectors = Vectors(url)
    try:
        await vectors.query([uuid4()], Space(uuid4(), "m"), np.zeros(3, np.float32))
    finally:
        await vectors.close()


async def _bot_api(url: str) -> None:
    await bot_api.username(TelegramSettings(bot_token=SecretStr(BOT_TOKEN), api_id=1, bot_api_base=url))


NEIGHBOURS: dict[str, Callable[[str], Awaitable[None]]] = {
    "language model": _llm,
    "embeddings": _embeddings,
    "embedder": _embedder,
    "Chroma": _chroma,
    "Bot API": _bot_api,
}


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize("name", NEIGHBOURS)
async def test_a_neighbour_redirects_us_inside(name: str, status: int) -> None:
    """What answers with the address of something on our network gets no request made there, by any method."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        target = f"http://127.0.0.1:{inside.getsockname()[1]}/latest/meta-data/"
        with _sending_away(target, status) as url, pytest.raises(Unavailable):
            await NEIGHBOURS[name](url)
        with pytest.raises(BlockingIOError):
            inside.accept()


@pytest.mark.parametrize("url", ODD)
@pytest.mark.parametrize("name", NEIGHBOURS)
async def test_addresses_of_another_kind(name: str, url: str) -> None:
    """A file, or another protocol's server, is a neighbour that is away: nothing is read, nothing breaks."""
    with pytest.raises(Unavailable) as refused:
        await NEIGHBOURS[name](url)
    assert "root:" not in repr(refused.value)


async def test_a_redirecting_bot_api_is_not_well(rt: Runtime) -> None:
    """The health address's own look at the Bot API: a redirect is no answer, and is not followed."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        target = f"http://127.0.0.1:{inside.getsockname()[1]}/"
        with _sending_away(target, 302) as url:
            telegram = rt.settings.telegram.model_copy(update={"bot_api_base": url})
            told = replace(rt, settings=rt.settings.model_copy(update={"telegram": telegram}))
            assert (await health.bot(told))["telegram"] is False
        with pytest.raises(BlockingIOError):
            inside.accept()
