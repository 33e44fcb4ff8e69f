"""Texts → vectors: the model on this machine, or one behind an OpenAI-compatible address."""

from typing import Protocol

import numpy as np

from tg_assistant.infra.embeddings.graph import build_model
from tg_assistant.infra.embeddings.local import LocalEmbedder
from tg_assistant.infra.embeddings.remote import OpenAIEmbedder

__all__ = ["Embedder", "LocalEmbedder", "OpenAIEmbedder", "build_model"]


class Embedder(Protocol):
    """Vectors are float32 and of length one, so that a dot product is the cosine."""

    model: str  # names the vector space, release included: vectors are cached and stored under it
    dimension: int

    async def embed_passages(self, texts: list[str]) -> np.ndarray:
        """One row a text. Raises `Unavailable`."""
        ...

    async def embed_query(self, text: str) -> np.ndarray:
        """The vector of a question. Raises `Unavailable`."""
        ...

    async def embed_words(self, words: list[str]) -> np.ndarray:
        """One row a word, to compare words with one another. Raises `Unavailable`."""
        ...

    async def close(self) -> None:
        """Free threads and connections."""
        ...
