"""Choosing the sentences of an answer from posts that were judged: the best, and those that add something."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tg_assistant.core.answers import kinds
from tg_assistant.core.answers.scoring import Judged, Sentence
from tg_assistant.core.answers.wording import Question
from tg_assistant.core.retrieval import copies
from tg_assistant.core.retrieval.passages import Passage
from tg_assistant.core.understanding.words import content_words, stem

PICKED = 4  # most sentences of an answer
FORMER = 2  # most earlier values named beside a current one

_NEAR = 0.3  # how much lower than the best a further sentence may score
_NEW = 0.12  # share of the question that a further sentence has to cover in addition
_ALSO = 1.5  # how much lower the log odds of a further post may be than the best post's
_SAID, _LESS = 0.8, 0.3  # coverage at which a word counts as said; tolerance for further posts
_SAME_STATEMENT = 0.3  # Jaccard similarity of stems from which on two sentences state the same thing


@dataclass(frozen=True)
class Picked:
    """A sentence of an answer and the post it is from."""

    text: str
    passage: Passage
    former: bool = False  # an earlier value of something that has changed since


def picked(asked: Question, judged: Sequence[Judged], *, current: bool) -> list[Picked]:
    """Return sentences of the best post, and of posts with similar odds that add something to it.

    If the question asks for a sum, a time, a name…, the post whose sentence with one scores best is first.
    With `current` it is the newest that states the same, and others with another value are former ones.
    """
    best = judged[0]
    said = np.minimum(best.said, _SAID)
    near = [one for one in judged if one.odds >= best.odds - _ALSO and (one.said >= said - _LESS).all()]
    if asked.kind is not None and asked.kind.needed:
        near.sort(key=_best_that_fits, reverse=True)
    if current:
        near = _newest_first(near)
    chosen: list[Picked] = []
    covered = np.zeros(len(asked.words))
    for one in near:
        rows = _rows(asked, one, [other.text for other in chosen], PICKED - len(chosen))
        if not rows or (chosen and not _adds(asked, rows, chosen, covered)):
            continue
        former = current and bool(chosen)
        if former and sum(other.former for other in chosen) == FORMER:
            break
        chosen += [Picked(row.text, one.passage, former) for row in (rows[:1] if former else rows)]
        covered = np.maximum(covered, np.max([row.covered for row in rows], axis=0))
    return chosen


def _newest_first(near: Sequence[Judged]) -> list[Judged]:
    """The first of these posts and those that state the same, the newest first; the rest after them."""
    told = near[0].sentences[0].text
    same, rest = list[Judged](), list[Judged]()
    for one in near:
        (same if _same_statement(one.sentences[0].text, told) else rest).append(one)
    return [*sorted(same, key=lambda one: one.passage.place.posted_at, reverse=True), *rest]


def _adds(asked: Question, rows: Iterable[Sentence], chosen: Sequence[Picked], covered: np.ndarray) -> bool:
    """Return whether a further post tells more of what was asked, or another value of what has been told."""
    for row in rows:
        if float(np.maximum(row.covered - covered, 0) @ asked.weights) >= _NEW:
            return True
        same = [other for other in chosen if _same_statement(row.text, other.text)]
        if same and not any(copies.agree(row.text, other.text) for other in same):
            return True
    return False


def _same_statement(one: str, other: str) -> bool:
    first, second = (
        {stem(word) for word in content_words(text) if not any(map(str.isdigit, word))}
        for text in (one, other)
    )
    return len(first & second) >= _SAME_STATEMENT * len(first | second) > 0


def _best_that_fits(judged: Judged) -> float:
    return max((row.score for row in judged.sentences if row.fits), default=0.0)


def _rows(asked: Question, judged: Judged, before: Sequence[str], most: int) -> list[Sentence]:
    """Return the best sentence of a post and those that cover more of the question, in the post's order.

    Nothing of a post whose best sentence repeats one in `before`.
    """
    chosen: list[Sentence] = []
    covered = np.zeros(len(asked.words))
    for row in judged.sentences:
        if len(chosen) == most or row.score < judged.sentences[0].score - _NEAR:
            break
        if _repeats(row.text, [*before, *(other.text for other in chosen)]):
            if not chosen:
                break
            continue
        new = float(np.maximum(row.covered - covered, 0) @ asked.weights)
        shows = row.fits and not any(other.fits for other in chosen)
        if new >= _NEW or shows or not chosen:
            chosen.append(row)
            covered = np.maximum(covered, row.covered)
    return sorted(_continued(asked, judged, chosen, most), key=lambda row: row.at)


def _continued(asked: Question, judged: Judged, chosen: list[Sentence], most: int) -> list[Sentence]:
    """Add sentences that follow a question in the post, a colon, or the fact whose reason is asked for."""
    told = {row.at for row in chosen}
    wants_reason = asked.kind is kinds.WHY and not any(row.fits for row in chosen)
    leading = {row.at for row in chosen if wants_reason or row.text.rstrip(" *_").endswith(("?", ":"))}
    added = [row for row in judged.sentences if row.at - 1 in leading and row.at not in told]
    return [*chosen, *sorted(added, key=lambda row: row.at)][:most]


def _repeats(text: str, others: Sequence[str]) -> bool:
    words = set(content_words(text))
    told = [set(content_words(other)) for other in others]
    return any(
        len(words & other) >= 0.6 * len(words | other) and copies.agree(text, before)
        for other, before in zip(told, others, strict=True)
    )
