"""In-memory cache of the vectors of single words: answers compare the same few thousand repeatedly."""

import numpy as np

CAPACITY = 20_000  # words; 15 MB at two bytes per number


class WordMemory:
    """The words that one embedder of this process has embedded."""

    def __init__(self) -> None:
        self._vectors: dict[str, np.ndarray] = {}

    def unknown(self, words: list[str]) -> list[str]:
        """Return those of `words` that are not stored, without repetitions."""
        return [word for word in dict.fromkeys(words) if word not in self._vectors]

    def merged(self, words: list[str], new: dict[str, np.ndarray]) -> np.ndarray:
        """Return one row per word and store those of `new`; beyond CAPACITY all earlier ones are dropped.

        `new` must contain what `unknown` returned for these words.
        """
        rows = [new[word] if word in new else self._vectors[word].astype(np.float32) for word in words]
        if len(self._vectors) + len(new) > CAPACITY:
            self._vectors.clear()
        self._vectors.update({word: vector.astype(np.float16) for word, vector in new.items()})
        return np.stack(rows)
