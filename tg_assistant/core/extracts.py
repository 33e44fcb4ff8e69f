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
_IN_TITLE = 0.8  # from which a word of the question counts as said by the channel's title
_CONTEXT = 0.8  # what a word found elsewhere in the post is worth to a sentence
_NEAR = 0.3  # a further sentence may score this much less than the best
_NEW = 0.12  # …and has to cover this share of the question anew
_ALSO = 1.5  # log odds by which a second post may be less likely to answer than the first
_SAID, _LESS = 0.8, 0.3  # a word of the question is said; …and how much less surely a second post may say it


@dataclass(frozen=True)
class _Weights:
    """A logistic regression: does this post answer this question?

    Fitted on XQuAD, on the paragraphs found for a question, one of which answers (AUC .98 within a language,
    .96 across). Belongs to multilingual-e5-small; docs/architecture.md says how it was measured.
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
    """A post with its sentences, best first, and the log odds that it answers.

    `said` is a number a word of the question: how surely the post says it.
    """

    passage: Passage
    sentences: list[_Sentence]
    said: np.ndarray
    odds: float


@dataclass(frozen=True)
class _Lexicon:
    """How near each word of the posts comes to each word of the question."""

    asked: Question
    vectors: dict[str, np.ndarray]

    def covered(self, texts: Sequence[str]) -> np.ndarray:
        """A number a word of the question: how far these texts together say it."""
        fits = any(self.asked.fits(text) for text in texts)
        return self._coverage(texts, fits=fits)

    def said_by_title(self, meaning: Meaning, passage: Passage) -> np.ndarray:
        """What posts do not repeat because their channel is about it: "cooking", in «Кухня на Мельничной».

        Not in the question's own language: there a title is said to name the channel, and all its posts would
        seem to answer.
        """
        title = passage.place.channel_title
        said = self._coverage([title], fits=False) * (not meaning.same_language(title))
        return np.where(said >= _IN_TITLE, said, 0.0)

    def _coverage(self, texts: Sequence[str], *, fits: bool) -> np.ndarray:
        words = _words(texts)
        return self.asked.coverage(words, np.array([self.vectors[word] for word in words]), fits=fits)


async def extract(rt: Runtime, question: str, found: Found) -> Extract:
    """One to three sentences of the best posts. Raises `Unavailable` when the embedder cannot answer."""
    if found.meaning is None:
        return Extract([], 0.0)
    read = [(passage, texts) for passage in found.passages[:PASSAGES] if (texts := _sentences(passage))]
    if not read:
        return Extract([], 0.0)
    asked = await wording.take_apart(rt, question, found.rarity)
    lexicon = await _lexicon(rt, asked, read)
    titles = [lexicon.said_by_title(found.meaning, passage) for passage, _ in read]
    in_context = [
        f"{passage.place.channel_title}: {text}" if title.any() else text
        for (passage, texts), title in zip(read, titles, strict=True)
        for text in texts
    ]
    vectors = iter(await rt.embedder.embed_passages(in_context))
    judged = [
        _judged(lexicon, found.meaning, passage, title, [(text, next(vectors)) for text in texts])
        for (passage, texts), title in zip(read, titles, strict=True)
    ]
    judged.sort(key=lambda one: -one.odds)
    confidence = 1 / (1 + math.exp(-judged[0].odds))
    return Extract(_picked(asked, judged) if confidence >= ENOUGH else [], round(confidence, 3))


async def _lexicon(rt: Runtime, asked: Question, read: Sequence[tuple[Passage, list[str]]]) -> _Lexicon:
    words = _words([text for passage, texts in read for text in (passage.place.channel_title, *texts)])
    return _Lexicon(asked, dict(zip(words, await languages.comparable_words(rt, words), strict=True)))


def _sentences(passage: Passage) -> list[str]:
    if passage.cosine is None:
        return []
    return [text for text in sentences(passage.text) if wording.content_words(text)][:SENTENCES]


def _words(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(word for text in texts for word in wording.content_words(text)))


def _judged(
    lexicon: _Lexicon,
    meaning: Meaning,
    passage: Passage,
    title: np.ndarray,
    texts: Sequence[tuple[str, np.ndarray]],
) -> _Judged:
    asked = lexicon.asked
    around = np.maximum(lexicon.covered([text for text, _ in texts]), title)
    rows = [
        _sentence(
            asked,
            (at, text, meaning.cosine(text, vector)),
            np.maximum(lexicon.covered([text]), title),
            around,
        )
        for at, (text, vector) in enumerate(texts)
    ]
    rows.sort(key=lambda row: -row.score)
    weights = _SAME_LANGUAGE if meaning.same_language(rows[0].text) else _ACROSS
    odds = (
        weights.covered * float(around @ asked.weights)
        + weights.by_sentence * max(float(row.covered @ asked.weights) for row in rows)
        + weights.nearest * max(row.cosine for row in rows)
        + weights.post * (passage.cosine or 0.0)
        + weights.kind * (0.5 if asked.expects is None else float(rows[0].fits))
        + weights.bias
    )
    return _Judged(passage, rows, around, odds)


def _sentence(
    asked: Question, described: tuple[int, str, float], covered: np.ndarray, around: np.ndarray
) -> _Sentence:
    at, text, cosine = described
    fits = asked.fits(text)
    score = cosine + _BY_KIND * fits + _BY_WORDS * float(covered @ asked.weights)
    score += _BY_POST * float(np.maximum(covered, _CONTEXT * around) @ asked.weights)
    return _Sentence(at, text, score, cosine, covered, fits)


def _picked(asked: Question, judged: Sequence[_Judged]) -> list[Picked]:
    """The sentences of the best post, then of those that answer about as surely and say no less."""
    best = judged[0]
    said = np.minimum(best.said, _SAID)
    near = [one for one in judged if one.odds >= best.odds - _ALSO and (one.said >= said - _LESS).all()]
    chosen: list[Picked] = []
    for one in near:
        rows = _rows(asked, one, [picked.text for picked in chosen], PICKED - len(chosen))
        chosen += [Picked(row.text, one.passage) for row in rows]
    return chosen


def _rows(asked: Question, judged: _Judged, before: Sequence[str], most: int) -> list[_Sentence]:
    """The best sentence of a post and those that say more of what was asked, in the post's order.

    None of a post whose best sentence was said before.
    """
    chosen: list[_Sentence] = []
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
    return sorted(chosen, key=lambda row: row.at)


def _repeats(text: str, others: Sequence[str]) -> bool:
    words = set(wording.content_words(text))
    told = [set(wording.content_words(other)) for other in others]
    return any(len(words & other) >= 0.6 * len(words | other) for other in told)
