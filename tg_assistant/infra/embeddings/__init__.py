"""Embeddings of texts: by the local model, in this process or its own, or an OpenAI-compatible endpoint."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tg_assistant.infra.embeddings.graph import build_model
from tg_assistant.infra.embeddings.local import LocalEmbedder
from tg_assistant.infra.embeddings.remote import OpenAIEmbedder
from tg_assistant.infra.embeddings.shared import SharedEmbedder

__all__ = ["Embedder", "LocalEmbedder", "OpenAIEmbedder", "SharedEmbedder", "build_model"]


class Embedder(Protocol):
    """Embeds texts as float32 unit vectors, so that a dot product is the cosine."""

    model: str  # identifies the vector space, release included; the key of cached and stored vectors
    dimension: int

    async def embed_passages(self, texts: Sequence[str], *, background: bool = False) -> np.ndarray:
        """Return one row per text; with `background` nobody waits: others go first. Raises `Unavailable`."""
        ...

    async def embed_query(self, text: str) -> np.ndarray:
        """Return the vector of a question. Raises `Unavailable`."""
        ...

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """Return one row per word, for comparing words with one another. Raises `Unavailable`."""
        ...

    async def answers(self) -> bool:
        """Return whether texts can be embedded now, for the health check; raises nothing."""
        ...

    async def close(self) -> None:
        """Release threads and connections."""
        ...
