"""Collapsing copies of the same news: forwards, and posts of the same words that do not differ.

Two posts that differ in a number or a negation are two statements, though all their other words agree: both
stand, each with its own words.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from tg_assistant.core.retrieval.passages import Passage

SAME = 0.75  # Jaccard similarity of words from which on two posts are the same news
COMPARISONS = 20  # posts that a post is compared with; copies share most of their rarest words
COMPARED = 200  # distinct words of a post that are compared
Stated = tuple[frozenset[str], int]
_WORD = re.compile(r"\w+")
_LINK = re.compile(r"https?://\S{1,2000}")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NEGATION = frozenset(
    ["не", "нет", "ни", "без", "not", "no", "never", "without", "cannot", "t"]
)  # "t" of "isn't"


def collapsed(passages: Sequence[Passage], most: int) -> list[Passage]:
    """Collapse copies of the same news into the best post, with the places of the others; at most `most`."""
    words = [frozenset(list(dict.fromkeys(_WORD.findall(one.text.lower())))[:COMPARED]) for one in passages]
    common = Counter(word for each in words for word in each)
    kept: list[Passage] = []
    told: list[frozenset[str]] = []
    by_origin: dict[tuple[int, int], int] = {}
    by_word: dict[str, list[int]] = {}
    stating: dict[int, Stated] = {}
    for passage, its in zip(passages, words, strict=True):
        # prefix filter: similar sets share one of their rarest words, so only such sets are compared
        rarest = sorted(its, key=lambda word: (common[word], word))[: len(its) - ceil(SAME * len(its)) + 1]
        near = Counter(at for word in rarest for at in by_word.get(word, ()))
        alike = [
            at
            for at, _ in near.most_common(COMPARISONS)
            if len(its & told[at]) >= SAME * len(its | told[at]) > 0
        ]
        # a forward keeps the text the original had before it was edited, so it may say something else
        alike += [by_origin[passage.origin]] if passage.origin in by_origin else []
        states = stated(passage.text) if alike else None
        same = [at for at in alike if states == _stated_at(at, kept, stating)]
        if same:
            first = min(same)
            kept[first] = replace(kept[first], also=(*kept[first].also, passage.place))
        elif len(kept) < most:
            by_origin[passage.origin] = len(kept)
            for word in rarest:
                if len(having := by_word.setdefault(word, [])) < COMPARISONS:
                    having.append(len(kept))
            kept.append(passage)
            told.append(its)
    return kept


def _stated_at(at: int, kept: Sequence[Passage], known: dict[int, Stated]) -> Stated:
    if at not in known:
        known[at] = stated(kept[at].text)
    return known[at]


def agree(one: str, other: str) -> bool:
    """Return whether two texts name the same numbers and negate as often: else they say different things."""
    return stated(one) == stated(other)


def stated(text: str) -> Stated:
    """Return the numbers that a text names and how often it negates."""
    plain = _LINK.sub(" ", text.lower())
    negations = sum(word in _NEGATION for word in _WORD.findall(plain))
    return frozenset(number.replace(",", ".") for number in _NUMBER.findall(plain)), negations
