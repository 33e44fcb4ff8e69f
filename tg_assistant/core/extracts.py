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

PASSAGES = 5  # posts looked into
SENTENCES = 40  # of one post
PICKED = 3  # sentences of an answer at most
ENOUGH = 0.5  # confidence from which an answer is given
WORTH_READING = 0.05  # …and from which a language model is shown the posts

# Which sentence answers (XQuAD: the answer is in the first one 82 times of 100, in the first two 92).
_BY_WORDS, _BY_POST, _BY_KIND = 0.2, 0.1, 0.05
_CONTEXT = 0.8  # what a word found elsewhere in the post is worth to a sentence
_NEAR = 0.15  # a further sentence may score this much less than the best
_NEW = 0.15  # …and has to cover this share of the question anew
# Confidence: a logistic regression over questions with the answering post there and taken away.
_COVERED, _IN_SENTENCE, _COSINE, _BIAS = 14.2, 2.8, 44.0, -50.2


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
class _Candidate:
    text: str
    passage: Passage
    score: float
    cosine: float
    covered: np.ndarray  # by the sentence, a number a word of the question
    around: np.ndarray  # by its post
    fits: bool


async def extract(rt: Runtime, question: str, found: Found) -> Extract:
    """One to three sentences of the best posts. Raises `Unavailable` when the embedder cannot answer."""
    if not found.passages or found.meaning is None:
        return Extract([], 0.0)
    asked = await wording.take_apart(rt, question, found.rarity)
    candidates = [
        candidate
        for passage in found.passages[:PASSAGES]
        for candidate in await _candidates(rt, asked, found.meaning, passage)
    ]
    if not candidates:
        return Extract([], 0.0)
    candidates.sort(key=lambda candidate: -candidate.score)
    confidence = _confidence(asked, candidates)
    if confidence < ENOUGH:
        return Extract([], confidence)
    return Extract([Picked(one.text, one.passage) for one in _picked(asked, candidates)], confidence)


async def _candidates(rt: Runtime, asked: Question, meaning: Meaning, passage: Passage) -> list[_Candidate]:
    texts = [text for text in sentences(passage.text) if wording.content_words(text)][:SENTENCES]
    vectors = await rt.embedder.embed_passages(texts)
    around = await _covered(rt, asked, texts)
    rows = []
    for text, vector in zip(texts, vectors, strict=True):
        covered, cosine = await _covered(rt, asked, [text]), meaning.cosine(text, vector)
        fits = asked.fits(text)
        score = passage.score + cosine + _BY_KIND * fits + _BY_WORDS * float(covered @ asked.weights)
        score += _BY_POST * float(np.maximum(covered, _CONTEXT * around) @ asked.weights)
        rows.append(_Candidate(text, passage, score, cosine, covered, around, fits))
    return rows


async def _covered(rt: Runtime, asked: Question, texts: Sequence[str]) -> np.ndarray:
    words = list(dict.fromkeys(word for text in texts for word in wording.content_words(text)))
    return asked.coverage(words, await languages.neutral_words(rt, words))


def _confidence(asked: Question, candidates: Sequence[_Candidate]) -> float:
    """How likely the post of the best sentence answers; none does that lacks the kind of thing asked for."""
    best = candidates[0]
    if not any(one.fits for one in candidates if one.passage is best.passage):
        return 0.0
    covered, alone = float(best.around @ asked.weights), float(best.covered @ asked.weights)
    strength = _COVERED * covered + _IN_SENTENCE * alone + _COSINE * best.cosine + _BIAS
    return 1 / (1 + math.exp(-strength))


def _picked(asked: Question, candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The best sentence, then those that say something more of what was asked."""
    chosen = [candidates[0]]
    covered = candidates[0].covered
    for one in candidates[1:]:
        if len(chosen) == PICKED or one.score < candidates[0].score - _NEAR:
            break
        new = float(np.maximum(one.covered - covered, 0) @ asked.weights)
        shows = one.fits and not any(other.fits for other in chosen)
        if (new >= _NEW or shows) and not _repeats(one, chosen):
            chosen.append(one)
            covered = np.maximum(covered, one.covered)
    return chosen


def _repeats(one: _Candidate, chosen: Sequence[_Candidate]) -> bool:
    words = set(wording.content_words(one.text))
    others = [set(wording.content_words(other.text)) for other in chosen]
    return any(len(words & other) >= 0.6 * len(words | other) for other in others)
