"""The remote embedder against a real HTTP server that speaks OpenAI's embeddings call."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import numpy as np
import pytest

from tg_assistant.errors import Unavailable
from tg_assistant.infra.embeddings import OpenAIEmbedder


class Endpoint(BaseHTTPRequestHandler):
    seen: ClassVar[list[str]] = []

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Endpoint.seen.extend(body["input"])
        data = [
            {"object": "embedding", "index": n, "embedding": [3.0, 4.0]} for n in range(len(body["input"]))
        ]
        answer = json.dumps(
            {"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 0, "total_tokens": 0}}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format, *args):
        """Quiet."""


@pytest.fixture
def address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Endpoint.seen.clear()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()


async def test_an_e5_model_gets_its_prefixes_and_vectors_come_back_of_length_one(address):
    """What the endpoint gives is normalised; an e5 model is asked with the words it was trained on."""
    embedder = OpenAIEmbedder(base_url=address, api_key="k", model="multilingual-e5-large", dimension=2)
    vectors = await embedder.embed_passages(["пост"])
    await embedder.embed_query("вопрос")
    await embedder.close()
    assert np.allclose(vectors, [[0.6, 0.8]])
    assert Endpoint.seen == ["passage: пост", "query: вопрос"]


async def test_another_model_gets_the_text_as_it_is(address):
    """Prefixes would only be noise to a model that was not trained with them."""
    embedder = OpenAIEmbedder(base_url=address, api_key="k", model="text-embedding-3-small", dimension=2)
    assert (await embedder.embed_passages([])).shape == (0, 2)
    await embedder.embed_query("вопрос")
    await embedder.close()
    assert Endpoint.seen == ["вопрос"]


async def test_a_wrong_dimension_and_a_dead_endpoint_are_unavailable(address):
    """Neither stores vectors that do not fit nor lets a library's error through."""
    wrong = OpenAIEmbedder(base_url=address, api_key="k", model="m", dimension=3)
    dead = OpenAIEmbedder(base_url="http://127.0.0.1:9/v1", api_key="k", model="m", dimension=2)
    for embedder in (wrong, dead):
        with pytest.raises(Unavailable) as error:
            await embedder.embed_query("вопрос")
        await embedder.close()
        assert error.value.code == "embeddings.unavailable"
