"""A question taken apart: its words, the kind of answer asked for, how far a text covers it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tg_assistant.core.answers import kinds
from tg_assistant.core.answers.kinds import Kind
from tg_assistant.core.retrieval import cross_lingual
from tg_assistant.core.retrieval.cross_lingual import Spellings
from tg_assistant.core.understanding.words import WORD, content_words, stem
from tg_assistant.infra.runtime import Runtime

_MAX_WORDS = 64  # different words of a question that count; nobody's question has more
# Between words of one or two languages: unrelated ones are under the first 95 times of 100.
_UNRELATED, _SAME = 0.15, 0.6
_NAMED = re.compile(r"(?<!^)(?<![.!?…] )\b[A-ZА-ЯЁ][\w-]*|[«\"“]([^»\"”]{1,100})[»\"”]")


@dataclass(frozen=True)
class Question:
    """A question taken apart. `weights` say how much each word of `words` matters; they add up to one."""

    words: list[str]
    weights: np.ndarray
    vectors: np.ndarray
    kind: Kind | None
    asking: np.ndarray  # what a word that only asks («стоит») counts where the text fits; else 0
    named: np.ndarray  # whether a word is (part of) a name
    counted: int | None = None  # at which word stands what is counted: «этажей»
    chosen: int | None = None  # …what is priced, or what one of is asked for: «лицензия», "firmware"

    @cached_property
    def _stems(self) -> dict[str, list[int]]:
        places: dict[str, list[int]] = {}
        for at, word in enumerate(self.words):
            places.setdefault(stem(word), []).append(at)
        return places

    @cached_property
    def _spellings(self) -> Spellings:
        return Spellings(self.words)

    def fits(self, text: str) -> bool:
        """Whether the text shows the kind of thing asked for: a sum, a number, a time, a name.

        What the question itself says is none, nor is what another question says.
        """
        if self.kind is None:
            return True
        if text.rstrip().endswith("?"):
            return False
        return any(self._is_new(found.group()) for found in self.kind.shows.finditer(text))

    def _is_new(self, shown: str) -> bool:
        words = content_words(shown)
        if not words:
            return not any(map(str.isalpha, shown))
        return any(stem(word) not in self._stems and not self._spellings.of(word) for word in words)

    def nearness(self, words: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """A row a word of the question, a column a word of `words`, 0…1: 1 is the same stem or name."""
        soft = np.clip((self.vectors @ vectors.T - _UNRELATED) / (_SAME - _UNRELATED), 0, 1)
        soft[[any(map(str.isdigit, word)) for word in self.words]] = 0  # "Pavo 4" is not "Pavo 5"
        for at, word in enumerate(words):
            soft[[*self._stems.get(stem(word), ()), *self._spellings.of(word)], at] = 1
        return soft

    def coverage(self, nearness: np.ndarray, *, fits: bool) -> np.ndarray:
        """For each word of the question 0…1: how near the nearest of some words comes to it.

        `nearness` has a column a word; `fits` says that they show the kind of thing asked for.
        """
        if not nearness.shape[1]:
            return np.zeros(len(self.words))
        return np.maximum(nearness.max(axis=1), self.asking * fits)


async def take_apart(
    rt: Runtime, text: str, rarity: Mapping[str, float], *, by_meaning: bool = True
) -> Question:
    """`rarity` is that of the words among the posts that may be read; a word found nowhere weighs most.

    Without `by_meaning` words are compared by their stems alone and the embedder is not needed.
    """
    words = list(dict.fromkeys(content_words(text)))[:_MAX_WORDS] or ["?"]
    top = max(rarity.values(), default=1.0)
    weights = np.array([max(rarity.get(stem(word), top), 0.1) for word in words])
    weights[0] *= 2  # what is asked for comes first: «кто архитектор…», "how many megapixels…"
    kind, asked = kinds.asked_for(text)
    only_ask = set(content_words(asked))
    worth = kind.worth if kind else 0.0
    asking = np.array([worth * (word in only_ask) for word in words])
    named = {word for found in _NAMED.finditer(text) for word in content_words(found.group())}
    vectors = await cross_lingual.comparable_words(rt, words) if by_meaning else np.zeros((len(words), 1))
    counted, chosen = _focus(text, words, only_ask, kind)
    return Question(
        words,
        weights / weights.sum(),
        vectors,
        kind,
        asking,
        np.array([word in named for word in words]),
        counted,
        chosen,
    )


def _focus(
    text: str, words: list[str], only_ask: set[str], kind: Kind | None
) -> tuple[int | None, int | None]:
    """The places in `words` of what is counted, and of what is priced or one of is asked for."""
    for found in WORD.finditer(text):
        word = found.group().lower()
        if word not in words or word in only_ask:
            continue
        at, before = words.index(word), text[: found.start()]
        if kinds.is_counted(kind, before):
            return at, None
        return None, at if kinds.is_priced(kind) or kinds.is_chosen(before) else None
    return None, None
