"""Answers without a language model: the sentences of the posts found that answer the question."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

import numpy as np
import structlog

from tg_assistant.core.answers import kinds, scoring, wording
from tg_assistant.core.answers.scoring import Judged, Lexicon, Sentence
from tg_assistant.core.answers.wording import Question
from tg_assistant.core.retrieval import cross_lingual
from tg_assistant.core.retrieval.chunking import LIMIT
from tg_assistant.core.retrieval.cross_lingual import Meaning
from tg_assistant.core.retrieval.hybrid import Found, Passage
from tg_assistant.core.understanding.sentence_split import sentences
from tg_assistant.core.understanding.words import content_words
from tg_assistant.errors import Unavailable
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()

PASSAGES = 8  # posts read
SENTENCES = 40  # read of one post
# Limits of what is embedded while a person waits, so that no post slows down the answer. Sentences and words
# beyond them are compared by stems and spelling.
POST_BYTES, ALL_BYTES = 4_000, 16_000  # of sentences in UTF-8; a token takes 4 bytes (emoji) or 8 (Russian)
WORDS = 300
PICKED = 4  # most sentences of an answer
ENOUGH = 0.4  # least confidence for an answer
WORTH_READING = 0.05  # least confidence for giving the posts to a language model

_NEAR = 0.3  # how much lower than the best a further sentence may score
_NEW = 0.12  # share of the question that a further sentence has to cover in addition
_ALSO = 1.5  # how much lower the log odds of a further post may be than the best post's
_SAID, _LESS = 0.8, 0.3  # coverage at which a word counts as said; tolerance for further posts


@dataclass(frozen=True)
class _Read:
    """A post split into sentences, the first `embedded` of which are compared by meaning."""

    passage: Passage
    texts: list[str]
    embedded: int


@dataclass(frozen=True)
class Picked:
    """A sentence of an answer and the post it is from."""

    text: str
    passage: Passage


@dataclass(frozen=True)
class Extract:
    """The chosen sentences, none if the posts do not support an answer, and the confidence, 0…1.

    `degraded`: the embedder failed, so only words were compared.
    """

    sentences: list[Picked]
    confidence: float
    degraded: bool = False

    def of_post(self, post_id: UUID) -> list[str]:
        """Return the sentences taken from one post, which its source quotes."""
        return [one.text for one in self.sentences if one.passage.place.post_id == post_id]


async def extract(rt: Runtime, question: str, found: Found) -> Extract:
    """Return one to four sentences of the best posts; without the embedder, chosen by word stems alone."""
    read = await rt.texts.run(_read, found.passages[:PASSAGES])
    if not read:
        return Extract([], 0.0)
    degraded = False
    judged: tuple[Question, list[Judged]] | None = None
    if found.meaning is not None:
        try:
            judged = await _by_meaning(rt, question, found, found.meaning, read)
        except Unavailable as error:
            log.warning("extracts.degraded", code=error.code)
            degraded = True
    judged = judged or await _by_words(rt, question, found, read)
    return await rt.texts.run(_concluded, *judged, degraded)


def _concluded(asked: Question, judged: list[Judged], degraded: bool) -> Extract:
    judged.sort(key=lambda one: -one.odds)
    confidence = 1 / (1 + math.exp(-judged[0].odds))
    return Extract(_picked(asked, judged) if confidence >= ENOUGH else [], round(confidence, 3), degraded)


async def _by_meaning(
    rt: Runtime, question: str, found: Found, meaning: Meaning, read: Sequence[_Read]
) -> tuple[Question, list[Judged]]:
    asked = await wording.take_apart(rt, question, found.rarity)
    words = await rt.texts.run(_words, read, titles=True)
    vectors = np.zeros((len(words), rt.embedder.dimension), np.float32)
    vectors[:WORDS] = await cross_lingual.comparable_words(rt, words[:WORDS])
    lexicon = await rt.texts.run(Lexicon, asked, words, vectors)
    titles = await rt.texts.run(lambda: [lexicon.said_by_title(meaning, one.passage) for one in read])
    in_context = [
        f"{one.passage.place.channel_title}: {text}" if title.any() else text
        for one, title in zip(read, titles, strict=True)
        for text in one.texts[: one.embedded]
    ]
    embedded = await rt.embedder.embed_passages([text[:LIMIT] for text in in_context])
    return asked, await rt.texts.run(_judged, lexicon, meaning, read, titles, embedded)


async def _by_words(
    rt: Runtime, question: str, found: Found, read: Sequence[_Read]
) -> tuple[Question, list[Judged]]:
    """Judge by stems alone: fewer questions get an answer, and it uses the question's own words."""
    asked = await wording.take_apart(rt, question, found.rarity, by_meaning=False)
    words = await rt.texts.run(_words, read, titles=False)
    lexicon = await rt.texts.run(Lexicon, asked, words, np.zeros((len(words), 1)))
    untitled = [np.zeros(len(asked.words))] * len(read)
    return asked, await rt.texts.run(_judged, lexicon, None, read, untitled, np.zeros((0, 1)))


def _read(passages: Sequence[Passage]) -> list[_Read]:
    read, left = list[_Read](), ALL_BYTES
    for passage in passages:
        texts = [text for text in sentences(passage.text) if content_words(text)][:SENTENCES]
        ends = list(accumulate(len(text[:LIMIT].encode()) for text in texts))
        embedded = bisect_right(ends, min(left, POST_BYTES))
        left -= ends[embedded - 1] if embedded else 0
        if texts:
            read.append(_Read(passage, texts, embedded))
    return read


def _words(read: Sequence[_Read], *, titles: bool) -> list[str]:
    """Return the content words of all posts without repetitions, the best post's first."""
    return scoring.different_words(
        [text for one in read for text in (*([one.passage.place.channel_title] * titles), *one.texts)]
    )


def _judged(
    lexicon: Lexicon,
    meaning: Meaning | None,
    read: Sequence[_Read],
    titles: Sequence[np.ndarray],
    embedded: np.ndarray,
) -> list[Judged]:
    """Judge each post. `embedded` has a row per sentence compared by meaning, in the order of `read`."""
    vectors = iter(embedded)
    judged = []
    for one, title in zip(read, titles, strict=True):
        rows = [
            (text, next(vectors) if meaning is not None and at < one.embedded else None)
            for at, text in enumerate(one.texts)
        ]
        judged.append(scoring.judge(lexicon, meaning, one.passage, title, rows))
    return judged


def _picked(asked: Question, judged: Sequence[Judged]) -> list[Picked]:
    """Return sentences of the best post and of posts with similar odds that cover as much of the question.

    If the question asks for a sum, a time, a name…, the post whose sentence with one scores best is first.
    """
    best = judged[0]
    said = np.minimum(best.said, _SAID)
    near = [one for one in judged if one.odds >= best.odds - _ALSO and (one.said >= said - _LESS).all()]
    if asked.kind is not None and asked.kind.needed:
        near.sort(key=_best_that_fits, reverse=True)
    chosen: list[Picked] = []
    for one in near:
        rows = _rows(asked, one, [picked.text for picked in chosen], PICKED - len(chosen))
        chosen += [Picked(row.text, one.passage) for row in rows]
    return chosen


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
    added = [
        row
        for row in judged.sentences
        if row.at - 1 in told and row.at not in told
        if wants_reason or _leads_on(next(one for one in chosen if one.at == row.at - 1).text)
    ]
    return [*chosen, *sorted(added, key=lambda row: row.at)][:most]


def _leads_on(text: str) -> bool:
    return text.rstrip(" *_").endswith(("?", ":"))


def _repeats(text: str, others: Sequence[str]) -> bool:
    words = set(content_words(text))
    told = [set(content_words(other)) for other in others]
    return any(len(words & other) >= 0.6 * len(words | other) for other in told)
