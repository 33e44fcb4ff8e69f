"""The sentences that answer a question, picked from the posts found: an answer without a language model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tg_assistant.core import languages, wording
from tg_assistant.core.languages import Meaning
from tg_assistant.core.retrieval import Found, Passage
from tg_assistant.core.sentences import sentences
from tg_assistant.core.wording import Question
from tg_assistant.infra.runtime import Runtime

PASSAGES = 8  # posts looked into
SENTENCES = 40  # of one post
PICKED = 4  # sentences of an answer at most
ENOUGH = 0.4  # confidence from which an answer is given
WORTH_READING = 0.05  # …and from which a language model is shown the posts

# Which sentence answers (XQuAD: the answer is in the first one 82 times of 100, in the first two 92).
_BY_WORDS, _BY_POST, _BY_KIND = 0.2, 0.1, 0.05
_CONTEXT = 0.8  # what a word found elsewhere in the post is worth to a sentence
_NEAR = 0.3  # a further sentence may score this much less than the best
_NEW = 0.15  # …and has to cover this share of the question anew
_ALSO = 1.5  # log odds by which a second post may be less likely to answer than the first


@dataclass(frozen=True)
class _Weights:
    """A logistic regression: does this post answer this question?

    Fitted on XQuAD, on the paragraphs found for a question, one of which answers (AUC .97 within a language,
    .92 across). Belongs to multilingual-e5-small.
    """

    covered: float
    by_sentence: float
    nearest: float
    post: float
    kind: float
    bias: float


_SAME_LANGUAGE = _Weights(6.9, 3.07, 35.5, 14.35, 1.41, -50.17)
_ACROSS = _Weights(5.66, 1.04, 39.84, 15.62, 1.35, -48.76)


@dataclass(frozen=True)
class Picked:
    """A sentence of an answer and the post it is from."""

    text: str
    passage: Passage


@dataclass(frozen=True)
class Extract:
    """`sentences` is empty where nothing found supports an answer; `confidence` is 0…1."""

    sentences: list[Picked]
    confidence: float


@dataclass(frozen=True)
class _Sentence:
    at: int  # in its post
    text: str
    score: float
    cosine: float
    covered: np.ndarray  # a number a word of the question
    fits: bool


@dataclass(frozen=True)
class _Judged:
    """A post with its sentences, best first, and the log odds that it answers."""

    passage: Passage
    sentences: list[_Sentence]
    odds: float


async def extract(rt: Runtime, question: str, found: Found) -> Extract:
    """One to three sentences of the best posts. Raises `Unavailable` when the embedder cannot answer."""
    if not found.passages or found.meaning is None:
        return Extract([], 0.0)
    asked = await wording.take_apart(rt, question, found.rarity)
    judged = [
        one
        for passage in found.passages[:PASSAGES]
        if (one := await _judged(rt, asked, found.meaning, passage)) is not None
    ]
    if not judged:
        return Extract([], 0.0)
    judged.sort(key=lambda one: -one.odds)
    confidence = 1 / (1 + math.exp(-judged[0].odds))
    return Extract(_picked(asked, judged) if confidence >= ENOUGH else [], round(confidence, 3))


async def _judged(rt: Runtime, asked: Question, meaning: Meaning, passage: Passage) -> _Judged | None:
    texts = [text for text in sentences(passage.text) if wording.content_words(text)][:SENTENCES]
    if not texts or passage.cosine is None:
        return None
    vectors = await rt.embedder.embed_passages(texts)
    around = await _covered(rt, asked, texts)
    rows = [
        _sentence(asked, (at, text, meaning.cosine(text, vector)), await _covered(rt, asked, [text]), around)
        for at, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]
    rows.sort(key=lambda row: -row.score)
    weights = _SAME_LANGUAGE if meaning.same_language(rows[0].text) else _ACROSS
    odds = (
        weights.covered * float(around @ asked.weights)
        + weights.by_sentence * max(float(row.covered @ asked.weights) for row in rows)
        + weights.nearest * max(row.cosine for row in rows)
        + weights.post * passage.cosine
        + weights.kind * (0.5 if asked.expects is None else float(rows[0].fits))
        + weights.bias
    )
    return _Judged(passage, rows, odds)


async def _covered(rt: Runtime, asked: Question, texts: Sequence[str]) -> np.ndarray:
    words = list(dict.fromkeys(word for text in texts for word in wording.content_words(text)))
    fits = any(asked.fits(text) for text in texts)
    return asked.coverage(words, await languages.comparable_words(rt, words), fits=fits)


def _sentence(
    asked: Question, described: tuple[int, str, float], covered: np.ndarray, around: np.ndarray
) -> _Sentence:
    at, text, cosine = described
    fits = asked.fits(text)
    score = cosine + _BY_KIND * fits + _BY_WORDS * float(covered @ asked.weights)
    score += _BY_POST * float(np.maximum(covered, _CONTEXT * around) @ asked.weights)
    return _Sentence(at, text, score, cosine, covered, fits)


def _picked(asked: Question, judged: Sequence[_Judged]) -> list[Picked]:
    """The best sentence of the best post, then those that say more of what was asked, in posts' order."""
    near = [one for one in judged if one.odds >= judged[0].odds - _ALSO]
    chosen: list[tuple[_Sentence, Passage]] = []
    covered = np.zeros(len(asked.words))
    for one in near:
        for row in one.sentences:
            if len(chosen) == PICKED or row.score < one.sentences[0].score - _NEAR:
                break
            new = float(np.maximum(row.covered - covered, 0) @ asked.weights)
            shows = row.fits and not any(other.fits for other, of in chosen if of is one.passage)
            if (new >= _NEW or shows or not chosen) and not _repeats(row, chosen):
                chosen.append((row, one.passage))
                covered = np.maximum(covered, row.covered)
    order = {one.passage.place.post_id: n for n, one in enumerate(near)}
    chosen.sort(key=lambda pair: (order[pair[1].place.post_id], pair[0].at))
    return [Picked(row.text, passage) for row, passage in chosen]


def _repeats(row: _Sentence, chosen: Sequence[tuple[_Sentence, Passage]]) -> bool:
    words = set(wording.content_words(row.text))
    others = [set(wording.content_words(other.text)) for other, _ in chosen]
    return any(len(words & other) >= 0.6 * len(words | other) for other in others)
