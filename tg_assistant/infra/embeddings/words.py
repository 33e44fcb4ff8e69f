"""Vectors of single words, remembered: an answer compares the same few thousand again and again."""

import numpy as np

CAPACITY = 20_000  # words; 15 MB at two bytes a number


class WordMemory:
    """Words already embedded, by one embedder in one process."""

    def __init__(self) -> None:
        self._vectors: dict[str, np.ndarray] = {}

    def unknown(self, words: list[str]) -> list[str]:
        """Those of `words` that have to be embedded, each once."""
        return [word for word in dict.fromkeys(words) if word not in self._vectors]

    def merged(self, words: list[str], new: dict[str, np.ndarray]) -> np.ndarray:
        """One row a word of `words`; those of `new` are kept, and all forgotten when it is too much."""
        rows = [new[word] if word in new else self._vectors[word].astype(np.float32) for word in words]
        if len(self._vectors) + len(new) > CAPACITY:
            self._vectors.clear()
        self._vectors.update({word: vector.astype(np.float16) for word, vector in new.items()})
        return np.stack(rows)
