"""The local model in a process of its own (`EMBEDDER_URL`), loaded once for web, bot and ingest.

The protocol is OpenAI's call (https://platform.openai.com/docs/api-reference/embeddings/create) with base64,
which carries each float32 as it is, and vLLM's extension `priority`, of which lower numbers go first.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import numpy as np
import structlog

from tg_assistant.errors import Unavailable
from tg_assistant.infra import metrics
from tg_assistant.infra.embeddings.local import DIMENSION, PASSAGE, QUERY, model_name
from tg_assistant.infra.embeddings.words import WordMemory

log = structlog.get_logger()

BATCH = 64  # texts in one request, as many as the service takes
BATCH_BYTES = 2**18  # of text in one request; a longer text goes alone
LARGEST = 2**21  # bytes of a request's body; a chunk of a post takes 4 kB at most, a question 16 kB
FIRST, BACKGROUND = 0, 1  # priorities
# seconds until an answer: a question has other ways to be answered, a batch of posts waits behind questions
SECONDS, BACKGROUND_SECONDS = 10.0, 60.0
PAUSES = (0.2, 0.5, 1.0)  # before each further try: a service that is restarted is back after two seconds
# after tries in vain others try once: an answer makes several calls, and would wait for each
_AWAY_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_BUSY = 503


class SharedEmbedder:
    """Embedder that asks the service at `url`; its vectors are those of the local model, bit by bit."""

    dimension = DIMENSION

    def __init__(self, url: str, key: str | None) -> None:
        self.model = model_name()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # only the configured address gets texts: no redirects, and no proxy of the environment
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), headers=headers, trust_env=False)
        self._words = WordMemory()
        self._away_until = 0.0

    async def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> np.ndarray:
        """Return one float32 unit vector per text; with `background` those somebody waits for go first.

        Raises `Unavailable`.
        """
        return await self._embed([PASSAGE + text for text in texts], BACKGROUND if background else FIRST)

    async def embed_query(self, text: str) -> np.ndarray:
        """Return the unit vector of a question. Raises `Unavailable`."""
        return (await self._embed([QUERY + text], FIRST))[0]

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """Return one unit vector per word; words embedded before come from memory. Raises `Unavailable`."""
        if not words:
            return np.zeros((0, DIMENSION), np.float32)
        return await self._words.rows(words, lambda new: self._embed([QUERY + word for word in new], FIRST))

    async def answers(self) -> bool:
        """Return whether the service is up and has loaded its model; asks for a second at most."""
        try:
            return (await self._http.get("/health", timeout=_LOOK_SECONDS)).is_success
        except httpx.HTTPError:
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _embed(self, inputs: list[str], priority: int) -> np.ndarray:
        with metrics.embedding_latency_seconds.time():
            parts = [await self._tried(batch, priority) for batch in batches(inputs)]
        return np.concatenate(parts) if parts else np.zeros((0, DIMENSION), np.float32)

    async def _tried(self, inputs: list[str], priority: int) -> np.ndarray:
        """Ask, and again a few times while the service is away or full. Raises `Unavailable`."""
        pauses = iter(() if time.monotonic() < self._away_until else PAUSES)
        while True:
            try:
                return await self._asked(inputs, priority)
            except (httpx.TransportError, _Busy) as error:
                pause = None if isinstance(error, httpx.ReadTimeout) else next(pauses, None)
                if pause is None:
                    self._away_until = time.monotonic() + _AWAY_SECONDS
                    log.warning("embedder.failed", model=self.model, reason=type(error).__name__)
                    raise Unavailable("embeddings.unavailable", retry_after=5) from error
            await asyncio.sleep(pause)

    async def _asked(self, inputs: list[str], priority: int) -> np.ndarray:
        body = {"model": self.model, "input": inputs, "encoding_format": "base64", "priority": priority}
        seconds = SECONDS if priority == FIRST else BACKGROUND_SECONDS
        answer = await self._http.post("/v1/embeddings", json=body, timeout=seconds)
        if answer.status_code == _BUSY:
            raise _Busy
        vectors = _vectors(answer) if answer.is_success else None
        if vectors is None or vectors.shape != (len(inputs), DIMENSION):
            # by its status: 401 is another EMBEDDER_KEY, 404 another model, 413 and 422 another version
            log.error("embedder.refused", model=self.model, status=answer.status_code)
            raise Unavailable("embeddings.unavailable", retry_after=5)
        self._away_until = 0.0
        return vectors


class _Busy(Exception):
    """The service has no room for further texts."""


def batches(inputs: Sequence[str]) -> Iterator[list[str]]:
    """Split the texts into requests of at most BATCH texts and BATCH_BYTES of them."""
    batch: list[str] = []
    size = 0
    for text in inputs:
        own = len(text.encode())
        if batch and (len(batch) == BATCH or size + own > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += own
    if batch:
        yield batch


def packed(vector: np.ndarray) -> str:
    """Return a vector as OpenAI's base64: little-endian float32."""
    return base64.b64encode(vector.astype("<f4", copy=False).tobytes()).decode()


def _vectors(answer: httpx.Response) -> np.ndarray | None:
    """Return the rows in the order of their `index`, or None where the answer is not OpenAI's."""
    try:
        said: dict[str, Any] = answer.json()
        rows = sorted(said["data"], key=lambda row: row["index"])
        return np.array(
            [np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in rows], np.float32
        )
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None
