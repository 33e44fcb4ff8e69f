"""Answers without a language model: the sentences of the posts found that answer the question."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

import numpy as np
import structlog

from tg_assistant.core.answers import picking, scoring, wording
from tg_assistant.core.answers.picking import Picked
from tg_assistant.core.answers.scoring import Judged, Lexicon
from tg_assistant.core.answers.wording import Question
from tg_assistant.core.retrieval import cross_lingual
from tg_assistant.core.retrieval.chunking import LIMIT
from tg_assistant.core.retrieval.cross_lingual import Meaning
from tg_assistant.core.retrieval.hybrid import Found
from tg_assistant.core.retrieval.passages import Passage
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
ENOUGH = 0.4  # least confidence for an answer
WORTH_READING = 0.05  # least confidence for giving the posts to a language model


@dataclass(frozen=True)
class _Read:
    """A post split into sentences, the first `embedded` of which are compared by meaning."""

    passage: Passage
    texts: list[str]
    embedded: int


@dataclass(frozen=True)
class Extract:
    """The chosen sentences, none if the posts do not support an answer, and the confidence, 0…1.

    `degraded`: the embedder failed, so only words were compared. `current`: a value that changes was asked
    for, and the first post is the newest that tells it.
    """

    sentences: list[Picked]
    confidence: float
    degraded: bool = False
    current: bool = False

    def of_post(self, post_id: UUID) -> list[str]:
        """Return the sentences taken from one post, which its source quotes."""
        return [one.text for one in self.sentences if one.passage.place.post_id == post_id]


async def extract(rt: Runtime, question: str, found: Found, *, current: bool = False) -> Extract:
    """Return one to four sentences of the best posts; without the embedder, chosen by word stems alone.

    `current`: the question asks for a value that changes, so of posts that answer alike the newest counts.
    """
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
    return await rt.texts.run(_concluded, *judged, degraded, current)


def _concluded(asked: Question, judged: list[Judged], degraded: bool, current: bool) -> Extract:
    judged.sort(key=lambda one: -one.odds)
    confidence = 1 / (1 + math.exp(-judged[0].odds))
    chosen = [] if confidence < ENOUGH else picking.picked(asked, judged, current=current)
    return Extract(chosen, round(confidence, 3), degraded, current)


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
