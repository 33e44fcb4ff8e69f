"""The embedder's service over the real model, and over an engine that writes down what it was given when."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tg_assistant.demo.ports import free_port
from tg_assistant.embedder.service import Service, serving
from tg_assistant.infra.embeddings import LocalEmbedder, SharedEmbedder
from tg_assistant.infra.embeddings.local import DIMENSION, QUERY

KEY = "key-of-the-embedder-in-these-tests-0123"


class Slow:
    """An engine whose every text takes a while, a question five times as long as a post.

    `begun` has the texts in the order in which they began, and "done" where a question was finished.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.begun: list[str] = []

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """The first unit vector."""
        self.begun.append(text)
        time.sleep(self.seconds * (5 if prefix == QUERY else 1))
        if prefix == QUERY:
            self.begun.append("done")
        return np.eye(1, DIMENSION, dtype=np.float32)[0]


@asynccontextmanager
async def served(embedder: LocalEmbedder, key: str | None = KEY, port: int = 0) -> AsyncIterator[str]:
    """The service at a port of its own; yields its address."""
    port = port or free_port()
    async with serving(Service(embedder, key), "127.0.0.1", port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
async def local(model_dir: Path) -> AsyncIterator[LocalEmbedder]:
    """The real model in this process."""
    embedder = LocalEmbedder(model_dir)
    await embedder.loaded()
    yield embedder
    await embedder.close()


@pytest.fixture
async def url(local: LocalEmbedder) -> AsyncIterator[str]:
    async with served(local) as address:
        yield address


@pytest.fixture
async def shared(url: str) -> AsyncIterator[SharedEmbedder]:
    embedder = SharedEmbedder(url, KEY)
    yield embedder
    await embedder.close()


@pytest.fixture
def engine() -> Slow:
    return Slow(0.02)


@pytest.fixture
async def slow(tmp_path: Path, engine: Slow) -> AsyncIterator[LocalEmbedder]:
    """A local embedder with the slow engine."""
    embedder = LocalEmbedder(tmp_path, lambda _: engine)
    yield embedder
    await embedder.close()
