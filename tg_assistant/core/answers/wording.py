"""A question taken apart: its words, the kind of answer asked for, how far a text covers it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any

import numpy as np

from tg_assistant.core.answers import kinds
from tg_assistant.core.answers.kinds import Kind
from tg_assistant.core.retrieval import cross_lingual
from tg_assistant.core.retrieval.cross_lingual import Spellings
from tg_assistant.infra.runtime import Runtime

_STOP_WORDS = """
а без более больше будет будто бы был была были было быть в вам вас вдруг ведь весь во вот все всегда
всего всех вы где да даже два для до другой его ее если есть еще ж же за зачем здесь и из или им иногда
их к как какая какие каких какого какое какой каком какую кем когда кого кому которая которого которое
которой которую которые который кто куда ли либо лучше между меня мне много можно мой моя мы на над надо
наконец нам нас наш не него нее ней нет ни нибудь никогда ним них ничего но ну о об один он она они оно
опять от отчего откуда перед по под после потом потому почему почем почём при про раз с сам свое своей
своих свой свою себе себя сейчас сколько со стал также там те тебя тем теперь то тогда того тоже той
только том тот ту тут ты у уж уже хоть чего чей чем через что чтоб чтобы чуть чья эта эти этим этих это
этого этой этом этот эту я a about after all am an and any are as at be been before being but by can
could did do does doing for from had has have having he her here his how i if in into is it its itself
just long many me more most much must my no nor not now of off on once only or other our out over own s
same shall she should so some such t than that the their them then there these they this those through to
too under until up us very was we were what when where which while who whom whose why will with would you
your
"""
_STOP = frozenset(_STOP_WORDS.split())
# «1 950» is one number, and so are 2.0 and 3,40; «Тарн-19» is a name and a number
_WORD = re.compile(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+\b|\d+(?:[.,]\d+)*(?!\w)|\w+")
_MAX_WORDS = 64  # different words of a question that count; nobody's question has more
_LONGEST_WORD = 64  # letters; what is longer is an address or noise, and its stem is itself
_RUSSIAN = re.compile("[а-я]")
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
    for found in _WORD.finditer(text):
        word = found.group().lower()
        if word not in words or word in only_ask:
            continue
        at, before = words.index(word), text[: found.start()]
        if kinds.is_counted(kind, before):
            return at, None
        return None, at if kinds.is_priced(kind) or kinds.is_chosen(before) else None
    return None, None


def content_words(text: str) -> list[str]:
    """Words and numbers in lower case, without those that only hold a sentence together."""
    found = (word.lower() for word in _WORD.findall(text))
    return [word for word in found if word.replace("ё", "е") not in _STOP and word not in _STOP]


@cache
def _stemmers() -> tuple[Any, Any]:
    import Stemmer

    return Stemmer.Stemmer("russian"), Stemmer.Stemmer("english")


def stem(word: str) -> str:
    """As PostgreSQL's `russian` configuration stems it: Cyrillic as Russian, the rest as English."""
    plain = word.lower().replace("ё", "е")
    return plain if len(plain) > _LONGEST_WORD else _stem(plain)


@lru_cache(50_000)
def _stem(plain: str) -> str:
    russian, english = _stemmers()
    return (russian if _RUSSIAN.search(plain) else english).stemWord(plain)
