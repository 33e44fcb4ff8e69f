"""Embeddings from an endpoint with OpenAI's protocol: Ollama, vLLM, OpenAI itself."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import structlog

from tg_assistant.errors import Unavailable
from tg_assistant.infra import metrics
from tg_assistant.infra.embeddings.words import WordMemory
from tg_assistant.infra.logging import error_hooks

BATCH = 64

log = structlog.get_logger()


class OpenAIEmbedder:
    """A model at `EMBEDDING_BASE_URL`. e5 models get the prefixes they were trained with, others none."""

    def __init__(self, *, base_url: str, api_key: str, model: str, dimension: int) -> None:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        self.model = model
        self.dimension = dimension
        configured = DefaultAsyncHttpxClient(follow_redirects=False)  # only the configured host gets posts
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key, timeout=60, max_retries=2, http_client=configured
        )
        self._words = WordMemory()
        self._succeeded = True
        self._prefixed = "e5" in model.lower()

    async def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> np.ndarray:
        """Return one float32 unit vector per text. Raises `Unavailable`. The endpoint knows no priorities."""
        return await self._sliced("passage: ", texts)

    async def _sliced(self, prefix: str, texts: Sequence[str]) -> np.ndarray:
        slices = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        parts = [await self._embed(prefix, part) for part in slices]
        return np.concatenate(parts) if parts else np.zeros((0, self.dimension), np.float32)

    async def embed_query(self, text: str) -> np.ndarray:
        """Return the unit vector of a question. Raises `Unavailable`."""
        return (await self._embed("query: ", [text]))[0]

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """Return one unit vector per word; words embedded before come from memory. Raises `Unavailable`."""
        if not words:
            return np.zeros((0, self.dimension), np.float32)
        return await self._words.rows(words, partial(self._sliced, "query: "))

    async def answers(self) -> bool:
        """Return whether the last call succeeded: one only for a look would have to be paid for."""
        return self._succeeded

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _embed(self, prefix: str, texts: Sequence[str]) -> np.ndarray:
        from openai import OpenAIError

        sent = [prefix + text for text in texts] if self._prefixed else list(texts)
        try:
            with metrics.embedding_latency_seconds.time():
                answer = await self._client.embeddings.create(
                    model=self.model, input=sent, encoding_format="float"
                )
        except OpenAIError as error:
            self._succeeded = False
            log.warning("embedder.failed", model=self.model, reason=error_hooks.told(error))
            raise Unavailable("embeddings.unavailable", retry_after=5) from error
        vectors = np.array([item.embedding for item in answer.data], np.float32)
        self._succeeded = vectors.shape == (len(texts), self.dimension)
        if not self._succeeded:
            log.error("embedder.wrong_dimension", model=self.model, is_=vectors.shape[-1], set=self.dimension)
            raise Unavailable("embeddings.unavailable")
        return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
