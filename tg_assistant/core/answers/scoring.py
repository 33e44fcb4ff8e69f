"""Scores whether a post answers a question, and with which sentences. Quality: docs/architecture.md."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tg_assistant.core.answers.wording import Question
from tg_assistant.core.retrieval.cross_lingual import Meaning
from tg_assistant.core.retrieval.passages import Passage
from tg_assistant.core.understanding.words import content_words

# Weights that rank sentences (XQuAD: the best one has the answer in 82 % of cases, the best two in 92 %).
_BY_WORDS, _BY_POST, _BY_KIND = 0.2, 0.1, 0.05
_IN_TITLE = 0.8  # coverage at which a word of the question counts as said by the channel's title
_CONTEXT = 0.8  # share of its coverage that a word found elsewhere in the post adds to a sentence


@dataclass(frozen=True)
class _Weights:
    """Weights of a logistic regression that predicts whether a post answers a question.

    Fitted for multilingual-e5-small on XQuAD, on the paragraphs found for a question, one of which answers it
    (AUC 0.98 within a language, 0.96 across). The last four are log odds subtracted where something asked for
    is missing, set by hand on the development questions of `tests/eval`: XQuAD has no question whose subject
    is in a paragraph while its answer is not.
    """

    covered: float
    by_sentence: float
    nearest: float
    post: float
    kind: float
    bias: float
    no_kind: float  # for example no sum where a price is asked for
    counted: float  # «сколько этажей»: storeys are not mentioned
    chosen: float  # "which firmware": firmware is not mentioned
    names: float  # the names in the question are not mentioned


_SAME_LANGUAGE = _Weights(6.9, 3.07, 35.5, 14.35, 1.41, -50.17, 4.0, 4.0, 1.2, 3.0)
_ACROSS = _Weights(5.66, 1.04, 39.84, 15.62, 1.35, -48.76, 4.0, 1.5, 0.0, 3.0)
# Without vectors only words count, so nearly all of the question's words must occur.
_BY_WORDS_ALONE = _Weights(12.0, 2.0, 0.0, 0.0, 1.4, -13.5, 4.0, 4.0, 1.2, 3.0)
_COUNTED, _CHOSEN = 0.8, 0.6  # coverage at which such a word counts as said


@dataclass(frozen=True)
class Sentence:
    """A sentence of a post and its index `at`.

    `covered` has a value of 0…1 per word of the question. `fits`: it shows the kind of thing asked for.
    """

    at: int
    text: str
    score: float
    cosine: float
    covered: np.ndarray
    fits: bool


@dataclass(frozen=True)
class Judged:
    """A post with its sentences, the best first, and the log odds that it answers the question.

    `said` has a value of 0…1 per word of the question: how far the post, or its channel's title, covers it.
    """

    passage: Passage
    sentences: list[Sentence]
    said: np.ndarray
    odds: float


class Lexicon:
    """The similarity of each word of the posts to each word of the question."""

    def __init__(self, asked: Question, words: Sequence[str], vectors: np.ndarray) -> None:
        """Compare all words. `vectors` has a row per word; a row of zeros leaves stem and spelling."""
        self.asked = asked
        self._places = {word: at for at, word in enumerate(words)}
        self._nearness = asked.nearness(words, vectors)

    def covered(self, texts: Sequence[str]) -> np.ndarray:
        """Return a value of 0…1 per word of the question: how far these texts together cover it."""
        fits = any(self.asked.fits(text) for text in texts)
        return self._coverage(texts, fits=fits)

    def said_by_title(self, meaning: Meaning | None, passage: Passage) -> np.ndarray:
        """Return how far the channel's title covers each word of the question; values below 0.8 become 0.

        Posts do not repeat the subject of their channel: "cooking", in «Кухня на Мельничной». Zeros for a
        title in the question's own language: there a question mentions the title to name the channel, and all
        its posts would seem to answer.
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
    """Return the content words of these texts without repetitions, in order of appearance."""
    return list(dict.fromkeys(word for text in texts for word in content_words(text)))


def judge(
    lexicon: Lexicon,
    meaning: Meaning | None,
    passage: Passage,
    title: np.ndarray,
    texts: Sequence[tuple[str, np.ndarray | None]],
) -> Judged:
    """Judge a post. `texts` are its sentences with their vectors, None where only words are compared."""
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
    """Return 1 if the best sentence shows the kind asked for, else 0; 0.5 if no kind is asked for.

    For a reason any sentence counts, because it is often next to the sentence with the fact.
    """
    if asked.kind is None:
        return 0.5
    return float(any(row.fits for row in (rows[:1] if asked.kind.needed else rows)))


def _weights(meaning: Meaning | None, passage: Passage, text: str) -> _Weights:
    if meaning is None or passage.cosine is None:
        return _BY_WORDS_ALONE
    return _SAME_LANGUAGE if meaning.same_language(text) else _ACROSS


def _missing(asked: Question, weights: _Weights, said: np.ndarray, *, fits: bool) -> float:
    """Return the log odds to subtract because the post lacks what an answer must have."""
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
