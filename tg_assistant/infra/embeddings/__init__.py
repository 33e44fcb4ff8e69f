"""Embeddings of texts, by a local model or an OpenAI-compatible endpoint."""

from typing import Protocol

import numpy as np

from tg_assistant.infra.embeddings.graph import build_model
from tg_assistant.infra.embeddings.local import LocalEmbedder
from tg_assistant.infra.embeddings.remote import OpenAIEmbedder

__all__ = ["Embedder", "LocalEmbedder", "OpenAIEmbedder", "build_model"]


class Embedder(Protocol):
    """Embeds texts as float32 unit vectors, so that a dot product is the cosine."""

    model: str  # identifies the vector space, release included; the key of cached and stored vectors
    dimension: int

    async def embed_passages(self, texts: list[str]) -> np.ndarray:
        """Return one row per text. Raises `Unavailable`."""
        ...

    async def embed_query(self, text: str) -> np.ndarray:
        """Return the vector of a question. Raises `Unavailable`."""
        ...

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """Return one row per word, for comparing words with one another. Raises `Unavailable`."""
        ...

    async def close(self) -> None:
        """Release threads and connections."""
        ...
