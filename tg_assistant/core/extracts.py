"""The sentences that answer a question, picked from the posts found: an answer without a language model."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import structlog

from tg_assistant.core import judging, kinds, languages, wording
from tg_assistant.core.judging import Judged, Lexicon, Sentence
from tg_assistant.core.languages import Meaning
from tg_assistant.core.retrieval import Found, Passage
from tg_assistant.core.sentences import sentences
from tg_assistant.core.wording import Question
from tg_assistant.errors import Unavailable
from tg_assistant.infra.runtime import Runtime

log = structlog.get_logger()

PASSAGES = 8  # posts looked into
SENTENCES = 40  # of one post
PICKED = 4  # sentences of an answer at most
ENOUGH = 0.4  # confidence from which an answer is given
WORTH_READING = 0.05  # …and from which a language model is shown the posts

_NEAR = 0.3  # a further sentence may score this much less than the best
_NEW = 0.12  # …and has to cover this share of the question anew
_ALSO = 1.5  # log odds by which a second post may be less likely to answer than the first
_SAID, _LESS = 0.8, 0.3  # a word of the question is said; …and how much less surely a second post may say it

_Read = list[tuple[Passage, list[str]]]


@dataclass(frozen=True)
class Picked:
    """A sentence of an answer and the post it is from."""

    text: str
    passage: Passage


@dataclass(frozen=True)
class Extract:
    """`sentences` is empty where nothing found supports an answer; `confidence` is 0…1.

    `degraded`: the embedder failed, only words were compared.
    """

    sentences: list[Picked]
    confidence: float
    degraded: bool = False

    def of_post(self, post_id: UUID) -> list[str]:
        """All that the answer takes of one post: what its source quotes."""
        return [one.text for one in self.sentences if one.passage.place.post_id == post_id]


async def extract(rt: Runtime, question: str, found: Found) -> Extract:
    """One to four sentences of the best posts; without the embedder those in the question's own words."""
    read = [(passage, texts) for passage in found.passages[:PASSAGES] if (texts := _sentences(passage))]
    if not read:
        return Extract([], 0.0)
    degraded = False
    asked, judged = None, list[Judged]()
    if found.meaning is not None:
        try:
            asked, judged = await _by_meaning(rt, question, found, found.meaning, read)
        except Unavailable as error:
            log.warning("extracts.degraded", code=error.code)
            degraded = True
    if asked is None:
        asked, judged = await _by_words(rt, question, found, read)
    judged.sort(key=lambda one: -one.odds)
    confidence = 1 / (1 + math.exp(-judged[0].odds))
    return Extract(_picked(asked, judged) if confidence >= ENOUGH else [], round(confidence, 3), degraded)


async def _by_meaning(
    rt: Runtime, question: str, found: Found, meaning: Meaning, read: _Read
) -> tuple[Question, list[Judged]]:
    asked = await wording.take_apart(rt, question, found.rarity)
    words = judging.different_words([text for passage, texts in read for text in _texts(passage, texts)])
    vectors = await languages.comparable_words(rt, words)
    lexicon = Lexicon(asked, dict(zip(words, vectors, strict=True)))
    titles = [lexicon.said_by_title(meaning, passage) for passage, _ in read]
    in_context = [
        f"{passage.place.channel_title}: {text}" if title.any() else text
        for (passage, texts), title in zip(read, titles, strict=True)
        for text in texts
    ]
    embedded = iter(await rt.embedder.embed_passages(in_context))
    judged = [
        judging.judge(lexicon, meaning, passage, title, [(text, next(embedded)) for text in texts])
        for (passage, texts), title in zip(read, titles, strict=True)
    ]
    return asked, judged


async def _by_words(rt: Runtime, question: str, found: Found, read: _Read) -> tuple[Question, list[Judged]]:
    """Stems alone: less is answered, but what is answered is said in the question's words."""
    asked = await wording.take_apart(rt, question, found.rarity, by_meaning=False)
    words = judging.different_words([text for _, texts in read for text in texts])
    lexicon = Lexicon(asked, dict.fromkeys(words, np.zeros(1)))
    untitled = np.zeros(len(asked.words))
    return asked, [
        judging.judge(lexicon, None, passage, untitled, [(text, None) for text in texts])
        for passage, texts in read
    ]


def _texts(passage: Passage, texts: Sequence[str]) -> list[str]:
    return [passage.place.channel_title, *texts]


def _sentences(passage: Passage) -> list[str]:
    return [text for text in sentences(passage.text) if wording.content_words(text)][:SENTENCES]


def _picked(asked: Question, judged: Sequence[Judged]) -> list[Picked]:
    """The sentences of the best post and of those that answer about as surely and say no less.

    First comes the one whose sentence with a sum, a time, a name… is nearest to the question.
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
    """The best sentence of a post and those that say more of what was asked, in the post's order.

    None of a post whose best sentence was said before.
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
    """With what follows a question the post asks itself, a colon, or the fact whose reason is asked for."""
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
    words = set(wording.content_words(text))
    told = [set(wording.content_words(other)) for other in others]
    return any(len(words & other) >= 0.6 * len(words | other) for other in told)
