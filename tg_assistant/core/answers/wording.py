"""Analysis of a question: its words, the kind of answer asked for, and how far a text covers it."""

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

_MAX_WORDS = 64  # distinct words of a question that are used; real questions have fewer
# Cosines of words within and across languages; 95 % of unrelated pairs are below the first.
_UNRELATED, _SAME = 0.15, 0.6
_NAMED = re.compile(r"(?<!^)(?<![.!?…] )\b[A-ZА-ЯЁ][\w-]*|[«\"“]([^»\"”]{1,100})[»\"”]")


@dataclass(frozen=True)
class Question:
    """An analysed question. `weights` has the importance of each of `words`; they add up to one."""

    words: list[str]
    weights: np.ndarray
    vectors: np.ndarray
    kind: Kind | None
    asking: np.ndarray  # coverage of a word that only asks («стоит») by a text that fits; else 0
    named: np.ndarray  # whether a word is (part of) a name
    counted: int | None = None  # index of the word for what is counted: «этажей»
    chosen: int | None = None  # index of the word for what is priced or to be chosen: «лицензия», "firmware"

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
        """Return whether the text shows the kind of thing asked for: a sum, a number, a time, a name.

        One that the question itself contains does not count, and neither does one in another question.
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
        """Return similarities of 0…1, a row per word of the question and a column per word of `words`.

        1 is the same stem or a spelling of the same name. `vectors` has a row per word of `words`.
        """
        soft = np.clip((self.vectors @ vectors.T - _UNRELATED) / (_SAME - _UNRELATED), 0, 1)
        soft[[any(map(str.isdigit, word)) for word in self.words]] = 0  # "Pavo 4" is not "Pavo 5"
        for at, word in enumerate(words):
            soft[[*self._stems.get(stem(word), ()), *self._spellings.of(word)], at] = 1
        return soft

    def coverage(self, nearness: np.ndarray, *, fits: bool) -> np.ndarray:
        """Return 0…1 per word of the question: the similarity of the most similar of some words.

        `nearness` has a column per word; `fits` says that they show the kind of thing asked for.
        """
        if not nearness.shape[1]:
            return np.zeros(len(self.words))
        return np.maximum(nearness.max(axis=1), self.asking * fits)


async def take_apart(
    rt: Runtime, text: str, rarity: Mapping[str, float], *, by_meaning: bool = True
) -> Question:
    """Analyse a question. `rarity` maps stems to their rarity in the readable posts; unknown ones weigh most.

    Without `by_meaning` words are compared by stem and spelling only and the embedder is not needed.
    """
    words = list(dict.fromkeys(content_words(text)))[:_MAX_WORDS] or ["?"]
    top = max(rarity.values(), default=1.0)
    weights = np.array([max(rarity.get(stem(word), top), 0.1) for word in words])
    weights[0] *= 2  # the first content word is usually what is asked for: «кто архитектор…»
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
    """Return the indexes in `words` of what is counted, and of what is priced or to be chosen."""
    for found in WORD.finditer(text):
        word = found.group().lower()
        if word not in words or word in only_ask:
            continue
        at, before = words.index(word), text[: found.start()]
        if kinds.is_counted(kind, before):
            return at, None
        return None, at if kinds.is_priced(kind) or kinds.is_chosen(before) else None
    return None, None
