"""The language model's client against a real HTTP server that streams as OpenAI does."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from tests.servers import LLM_KEY
from tg_assistant.errors import Unavailable
from tg_assistant.infra.llm import MAX_TOKENS, Llm, open_llm
from tg_assistant.settings.groups import RetrievalSettings


class Endpoint(BaseHTTPRequestHandler):
    status: ClassVar[int] = 200
    breaks: ClassVar[bool] = False
    seen: ClassVar[dict[str, Any]] = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Endpoint.seen.update(json.loads(body), key=self.headers["Authorization"])
        self.send_response(Endpoint.status)
        self.send_header("Content-Type", "text/event-stream")
        if Endpoint.breaks:
            self.send_header("Content-Length", "100000")
        self.end_headers()
        for piece in ("Мост ", "закрыт [1]."):
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
            chunk["choices"] = [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        if not Endpoint.breaks:
            self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format, *args):
        """Quiet."""


@pytest.fixture
async def llm():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Endpoint.status, Endpoint.breaks = 200, False
    settings = RetrievalSettings().model_copy(
        update={
            "llm_base_url": f"http://127.0.0.1:{server.server_port}/v1",
            "llm_api_key": SecretStr(LLM_KEY),
            "llm_model": "m",
        }
    )
    llm = open_llm(settings)
    assert llm is not None
    yield llm
    await llm.close()
    server.shutdown()
    server.server_close()


async def said(llm: Llm) -> list[str]:
    return [piece async for piece in llm.stream("system", "prompt")]


async def test_pieces_come_as_they_are_written(llm):
    """The model, the key and both messages are sent; nothing is waited for."""
    assert await said(llm) == ["Мост ", "закрыт [1]."]
    assert Endpoint.seen["max_tokens"] == MAX_TOKENS
    assert (Endpoint.seen["model"], Endpoint.seen["stream"], Endpoint.seen["key"]) == (
        "m",
        True,
        f"Bearer {LLM_KEY}",
    )
    assert [message["content"] for message in Endpoint.seen["messages"]] == ["system", "prompt"]


async def test_a_refusal_and_a_broken_stream_are_unavailable(llm):
    """Whether the model refuses at once or the connection breaks midway."""
    Endpoint.status = 401
    with pytest.raises(Unavailable):
        await said(llm)
    Endpoint.status, Endpoint.breaks = 200, True
    with pytest.raises(Unavailable) as error:
        await said(llm)
    assert error.value.code == "llm.unavailable"


def test_without_an_address_there_is_no_model():
    """Answers are then extractive."""
    assert open_llm(RetrievalSettings().model_copy(update={"llm_base_url": None})) is None
