"""A language model, or whatever stands at its address, that does not come to an end."""

import asyncio
import json
import threading
import time
import tracemalloc
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from tests.servers import LLM_KEY
from tg_assistant.core.answers.generative import Writer
from tg_assistant.errors import Unavailable
from tg_assistant.infra import llm
from tg_assistant.settings.groups import RetrievalSettings

Write = Callable[[bytes], object]

TODAY = date(2026, 11, 30)


def _chunk(text: str | None) -> bytes:
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode()


def _pieces(write: Write) -> None:
    while True:
        write(_chunk("word " * 2_000))


def _one_line(write: Write) -> None:
    write(b"data: ")
    while True:
        write(b"x" * 65_536)


def _nothing(write: Write) -> None:
    while True:
        write(_chunk(None))
        time.sleep(0.01)


def _drops(write: Write) -> None:
    while True:
        write(_chunk("a"))
        time.sleep(0.05)


@contextmanager
def _model(endless: Callable[[Write], None], encoding: str | None = None) -> Iterator[str]:
    """A server that goes on until it is hung up on."""
    hung_up = threading.Event()

    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            if encoding:
                self.send_header("Content-Encoding", encoding)
            self.end_headers()
            with suppress(OSError):
                endless(self.wfile.write)
            hung_up.set()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
        assert hung_up.wait(10), "the connection was left open"
    finally:
        server.shutdown()
        server.server_close()


def _opened(url: str) -> llm.Llm:
    at = {"llm_base_url": url, "llm_api_key": SecretStr(LLM_KEY), "llm_model": "m"}
    opened = llm.open_llm(RetrievalSettings().model_copy(update=at))
    assert opened is not None
    return opened


async def _lag(worst: list[float]) -> None:
    """How long the loop had no time for anybody else."""
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.01)
        worst.append(time.monotonic() - began - 0.01)


@pytest.mark.parametrize("endless", [_pieces, _one_line, _nothing, _drops])
async def test_an_answer_without_end_ends(endless: Callable[[Write], None], monkeypatch) -> None:
    """By its length, its bytes or its time: the answer counts as failed, soon, and others go on meanwhile."""
    if endless in (_nothing, _drops):
        monkeypatch.setattr(llm, "ANSWER_SECONDS", 1.0)
    lags: list[float] = []
    with _model(endless) as url:
        model = _opened(url)
        watching = asyncio.create_task(_lag(lags))
        try:
            written = Writer(model, "Where?", [], [], today=TODAY)
            began = time.monotonic()
            tracemalloc.start()
            async with asyncio.timeout(30):
                shown = "".join([piece async for piece in written.stream()])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            watching.cancel()
            await model.close()
    assert written.failed
    assert not written.cited
    assert len(shown) <= llm.MAX_CHARACTERS
    assert time.monotonic() - began < 20
    assert peak < 64 * 1024 * 1024
    assert max(lags[1:], default=0) < 2  # the first carries the import of the client


async def test_a_packed_answer_is_refused() -> None:
    """Nobody asked for it, and a few bytes may unpack to any number."""
    with _model(_pieces, "gzip") as url:
        model = _opened(url)
        try:
            with pytest.raises(Unavailable):
                async for _ in model.stream("system", "prompt"):
                    pass
        finally:
            await model.close()


class _Long:
    """Very many pieces, each ending in what may be the beginning of a source's number."""

    def __init__(self, end: str) -> None:
        self._piece = "x" * 1_000 + end

    async def stream(self, system: str, prompt: str) -> AsyncGenerator[str]:
        for _ in range(10_000):
            yield self._piece

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("end", ["", "["])
async def test_pieces_take_time_in_proportion_to_their_length(end: str) -> None:
    """Ten megabytes; copied whole for each piece, they take a minute."""
    written = Writer(_Long(end), "Where?", [], [], today=TODAY)
    began = time.monotonic()
    async for _ in written.stream():
        pass
    assert time.monotonic() - began < 10
    assert len(written.text) == 10_000 * (1_000 + len(end))
