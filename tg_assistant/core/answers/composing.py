"""The text of an answer made of sentences of posts, with its dates and the numbers of its sources."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from tg_assistant.core.answers import sources
from tg_assistant.core.answers.extractive import Extract
from tg_assistant.core.answers.sources import Source
from tg_assistant.core.posts.formatting import unjoined
from tg_assistant.texts import day
from tg_assistant.texts import text as say

MAX_COPIES = 2  # further channels listed as sources of a post that was published in several
_LASTING = timedelta(days=3)  # after which a value that changes may have changed
# Bullets, dashes and emoji in front of a post's line.
_LEADING = re.compile(r"^(?:[^\w«»„“”\"'(\[#@$€£₽+]|_)+")
_NO_WORD = re.compile(r"\W*")
_BRACKET = re.compile(r"\[(?=\s*\d)")
_JOINER = "\u2060"  # WORD JOINER: invisible; a post's own «[7]» must not become the number of a source


@dataclass(frozen=True)
class Draft:
    """An answer before it is shown: its text with `[n]`, and the sources these numbers name."""

    text: str
    sources: list[Source]


@dataclass(frozen=True)
class Reader:
    """For whom an answer is written: the time now in their time zone, aware, and their language."""

    now: datetime
    language: str

    def day(self, when: datetime) -> str:
        """The day of `when` as words: «27 ноября»."""
        return day(when.astimezone(self.now.tzinfo), self.language, this_year=self.now.year)

    def is_today(self, when: datetime) -> bool:
        """Return whether `when` is of today."""
        return when.astimezone(self.now.tzinfo).date() >= self.now.date()


def from_extract(extract: Extract, reader: Reader, *, outside: bool = False) -> Draft:
    """Compose the chosen sentences: each post's with its day unless it is of today, and its numbers.

    `outside`: they are not of the time that was asked about, so today's have their day, too.
    """
    made: list[Source] = []
    pieces: list[str] = []
    for post_id, picked in groupby(extract.sentences, lambda one: one.passage.place.post_id):
        chosen = list(picked)
        passage = chosen[0].passage
        new = _of_post(extract, post_id, len(made))
        made += new
        numbers = "".join(f"[{source.n}]" for source in new)
        said = f"{read_on([one.text for one in chosen])} {numbers}"
        when = passage.place.posted_at
        dated = said if reader.is_today(when) and not outside else f"{reader.day(when)}: {said}"
        former = chosen[0].former
        pieces.append(say("answer.former", reader.language, text=dated) if former else dated)
    if extract.current and reader.now - extract.sentences[0].passage.place.posted_at > _LASTING:
        pieces.insert(1, say("answer.may_have_changed", reader.language))
    return Draft(" ".join(pieces), made)


def _of_post(extract: Extract, post_id: UUID, before: int) -> list[Source]:
    """The sources of a post's sentences: the post and, for one published in several channels, its copies."""
    passage = next(one.passage for one in extract.sentences if one.passage.place.post_id == post_id)
    places = [passage.place, *passage.also[:MAX_COPIES]]
    quote = read_on(extract.of_post(post_id))
    return [sources.made(n, passage, at, quote) for n, at in enumerate(places, before + 1)]


def read_on(sentences: Sequence[str]) -> str:
    """Join sentences of one post: list marks are removed, a line without a final mark gets a colon."""
    shown = [plain(one) for one in sentences]
    joined = [one if _closed(one) else f"{one}:" for one in shown[:-1]]
    return " ".join([*joined, shown[-1]])


def plain(sentence: str) -> str:
    """A sentence of a post on one line, without list marks; its own «[7]» can not be taken for a citation."""
    return _BRACKET.sub(f"[{_JOINER}", _LEADING.sub("", " ".join(unjoined(sentence).split())))


def _closed(sentence: str) -> bool:
    """Return whether a punctuation mark that ends a sentence follows its last word."""
    behind = _NO_WORD.match(sentence[::-1])
    return behind is not None and any(mark in behind.group() for mark in ".!?…:;")
