"""Does a post answer a question, and with which of its sentences? docs/architecture.md says how well."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tg_assistant.core.answers.wording import Question
from tg_assistant.core.retrieval.cross_lingual import Meaning
from tg_assistant.core.retrieval.hybrid import Passage
from tg_assistant.core.understanding.words import content_words

# Which sentence answers (XQuAD: the answer is in the first one 82 times of 100, in the first two 92).
_BY_WORDS, _BY_POST, _BY_KIND = 0.2, 0.1, 0.05
_IN_TITLE = 0.8  # from which a word of the question counts as said by the channel's title
_CONTEXT = 0.8  # what a word found elsewhere in the post is worth to a sentence


@dataclass(frozen=True)
class _Weights:
    """A logistic regression: does this post answer this question?

    Fitted on XQuAD, on the paragraphs found for a question, one of which answers (AUC .98 within a language,
    .96 across). Belongs to multilingual-e5-small. The last four are log odds lost where something asked for
    is missing, set by hand on the development questions of `tests/eval`: XQuAD has no question whose subject
    stands in a paragraph and whose answer does not.
    """

    covered: float
    by_sentence: float
    nearest: float
    post: float
    kind: float
    bias: float
    no_kind: float  # no sum where a price is asked for
    counted: float  # «сколько этажей»: no word of storeys
    chosen: float  # "which firmware": no word of firmware
    names: float  # none of the names


_SAME_LANGUAGE = _Weights(6.9, 3.07, 35.5, 14.35, 1.41, -50.17, 4.0, 4.0, 1.2, 3.0)
_ACROSS = _Weights(5.66, 1.04, 39.84, 15.62, 1.35, -48.76, 4.0, 1.5, 0.0, 3.0)
# Without vectors, words have to do: nearly all of the question has to be said
_BY_WORDS_ALONE = _Weights(12.0, 2.0, 0.0, 0.0, 1.4, -13.5, 4.0, 4.0, 1.2, 3.0)
_COUNTED, _CHOSEN = 0.8, 0.6  # from which a word counts as said


@dataclass(frozen=True)
class Sentence:
    """A sentence of a post, `at` its place; `covered` is a number a word of the question."""

    at: int
    text: str
    score: float
    cosine: float
    covered: np.ndarray
    fits: bool


@dataclass(frozen=True)
class Judged:
    """A post with its sentences, best first, and the log odds that it answers.

    `said` is a number a word of the question: how surely the post says it.
    """

    passage: Passage
    sentences: list[Sentence]
    said: np.ndarray
    odds: float


class Lexicon:
    """How near each word of the posts comes to each word of the question."""

    def __init__(self, asked: Question, words: Sequence[str], vectors: np.ndarray) -> None:
        """`vectors` has a row for each of `words`; zeros are compared by stem and spelling alone."""
        self.asked = asked
        self._places = {word: at for at, word in enumerate(words)}
        self._nearness = asked.nearness(words, vectors)

    def covered(self, texts: Sequence[str]) -> np.ndarray:
        """A number a word of the question: how far these texts together say it."""
        fits = any(self.asked.fits(text) for text in texts)
        return self._coverage(texts, fits=fits)

    def said_by_title(self, meaning: Meaning | None, passage: Passage) -> np.ndarray:
        """What posts do not repeat because their channel is about it: "cooking", in «Кухня на Мельничной».

        Not in the question's own language: there a title is said to name the channel, and all its posts would
        seem to answer.
        """
        title = passage.place.channel_title
        if meaning is None or meaning.same_language(title):
            return np.zeros(len(self.asked.words))
        said = self._coverage([title], fits=False)
        return np.where(said >= _IN_TITLE, said, 0.0)

    def _coverage(self, texts: Sequence[str], *, fits: bool) -> np.ndarray:
        columns = [self._places[word] for word in different_words(texts)]
        return self.asked.coverage(self._nearness[:, columns], fits=fits)


def different_words(texts: Sequence[str]) -> list[str]:
    """The content words of these texts, each once."""
    return list(dict.fromkeys(word for text in texts for word in content_words(text)))


def judge(
    lexicon: Lexicon,
    meaning: Meaning | None,
    passage: Passage,
    title: np.ndarray,
    texts: Sequence[tuple[str, np.ndarray | None]],
) -> Judged:
    """`texts` are the post's sentences with their vectors, None where only words can be compared."""
    asked = lexicon.asked
    around = np.maximum(lexicon.covered([text for text, _ in texts]), title)
    rows = []
    for at, (text, vector) in enumerate(texts):
        cosine = 0.0 if meaning is None or vector is None else meaning.cosine(text, vector)
        rows.append(_sentence(asked, (at, text, cosine), np.maximum(lexicon.covered([text]), title), around))
    rows.sort(key=lambda row: -row.score)
    weights = _weights(meaning, passage, rows[0].text)
    odds = (
        weights.covered * float(around @ asked.weights)
        + weights.by_sentence * max(float(row.covered @ asked.weights) for row in rows)
        + weights.nearest * max(row.cosine for row in rows)
        + weights.post * (passage.cosine or 0.0)
        + weights.kind * _shown(asked, rows)
        + weights.bias
        - _missing(asked, weights, around, fits=any(row.fits for row in rows))
    )
    return Judged(passage, rows, around, odds)


def _shown(asked: Question, rows: Sequence[Sentence]) -> float:
    """Whether the best sentence shows the kind of thing asked for; a reason often stands beside its fact."""
    if asked.kind is None:
        return 0.5
    return float(any(row.fits for row in (rows[:1] if asked.kind.needed else rows)))


def _weights(meaning: Meaning | None, passage: Passage, text: str) -> _Weights:
    if meaning is None or passage.cosine is None:
        return _BY_WORDS_ALONE
    return _SAME_LANGUAGE if meaning.same_language(text) else _ACROSS


def _missing(asked: Question, weights: _Weights, said: np.ndarray, *, fits: bool) -> float:
    """Log odds lost because the post lacks what any answer has."""
    lost = 0.0
    if asked.kind is not None and asked.kind.needed and not fits:
        lost += weights.no_kind
    if asked.counted is not None:
        lost += weights.counted * (1 - min(said[asked.counted] / _COUNTED, 1))
    if asked.chosen is not None:
        lost += weights.chosen * (1 - min(said[asked.chosen] / _CHOSEN, 1))
    if asked.named.any():
        lost += weights.names * (1 - float(np.minimum(said[asked.named] / _CHOSEN, 1).mean()))
    return lost


def _sentence(
    asked: Question, described: tuple[int, str, float], covered: np.ndarray, around: np.ndarray
) -> Sentence:
    at, text, cosine = described
    fits = asked.fits(text)
    score = cosine + _BY_KIND * fits + _BY_WORDS * float(covered @ asked.weights)
    score += _BY_POST * float(np.maximum(covered, _CONTEXT * around) @ asked.weights)
    return Sentence(at, text, score, cosine, covered, fits)
