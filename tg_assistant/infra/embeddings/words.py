"""In-memory cache of the vectors of single words: answers compare the same few thousand repeatedly."""

from collections.abc import Awaitable, Callable

import numpy as np

CAPACITY = 20_000  # words; 15 MB at two bytes per number


class WordMemory:
    """The words that one embedder of this process has embedded."""

    def __init__(self) -> None:
        self._vectors: dict[str, np.ndarray] = {}

    async def rows(self, words: list[str], embed: Callable[[list[str]], Awaitable[np.ndarray]]) -> np.ndarray:
        """Return one row per word; `embed` is called with those that are not stored, which are stored then.

        Beyond CAPACITY all earlier ones are dropped.
        """
        # taken before `embed` is awaited: another call may drop them meanwhile
        known = {word: self._vectors[word] for word in words if word in self._vectors}
        new = [word for word in dict.fromkeys(words) if word not in known]
        found = dict(zip(new, await embed(new), strict=True)) if new else {}
        if len(self._vectors) + len(found) > CAPACITY:
            self._vectors.clear()
        self._vectors.update({word: vector.astype(np.float16) for word, vector in found.items()})
        return np.stack([found[word] if word in found else known[word].astype(np.float32) for word in words])
