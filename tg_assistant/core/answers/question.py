"""What a question asks for: its intent, the time it is about, and its subject; by rules, without a model.

The rules read Russian and English as people type them: short, slangy, without marks.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tg_assistant.core.answers import intents
from tg_assistant.core.answers.intents import Intent
from tg_assistant.core.understanding import time_spans
from tg_assistant.core.understanding.time_spans import Mention, Span, Tense
from tg_assistant.core.understanding.words import content_words

_LOOSE = re.compile(r"\b(?:за|в течение) (сутки|день|неделю|месяц|год|час)\b")
_DAY = timedelta(days=1)
_AHEAD = timedelta(days=7)
_SPACES = re.compile(r"\s+")
_WEEKDAY = re.compile(r"\b(понедельн|вторн|сред|четверг|пятниц|суббот|воскрес|\w{3,6}day\b)", re.IGNORECASE)
_EDGES = " \t\n,.;:!?…—–-«»\"'()"


class Axis(StrEnum):
    """Whether a span is about when posts were posted or when what they tell of happens."""

    posted = "posted"
    happens = "happens"


@dataclass(frozen=True)
class Understood:
    """A question as it was understood.

    `text` is the question with its subject from the conversation; `asks` the same without its words of time,
    which is what is searched; `subject` what remains without the words of asking, too, "" for none. `span` is
    the time it is about, `span_words` the words that name it; `axis` says of what.
    """

    text: str
    intent: Intent
    subject: str
    asks: str = ""
    span: Span | None = None
    span_words: str = ""
    axis: Axis = Axis.posted

    @property
    def searches(self) -> bool:
        """Whether posts have to be read at all."""
        return self.intent not in intents.WITHOUT_SEARCH


def understand(text: str, now: datetime) -> Understood:
    """Return how a question was understood, asked at `now`, aware, in the person's time zone."""
    plain = intents.spelt_out(_SPACES.sub(" ", text.strip()))
    if intent := intents.without_search(plain):
        return Understood(plain, intent, "")
    tense = intents.tense_of(plain)
    asks_news = intents.asks_news(plain)
    mention = _mention(plain, now, tense, loose=asks_news)
    if mention is None and intents.asks_agenda(plain):  # «куда сходить?»: in the days to come
        mention = Mention(Span(now + timedelta(seconds=1), now + _AHEAD), len(plain), len(plain))
    without_time = f"{plain[: mention.start]} {plain[mention.end :]}" if mention else plain
    subject = intents.subject_of(without_time)
    axis = _axis(mention, now, tense, asks_news=asks_news)
    intent = _intent(plain, subject, mention, axis, asks_news=asks_news)
    span = _of_news(mention.span, now) if mention and intent is Intent.news else mention and mention.span
    words = plain[mention.start : mention.end].strip(_EDGES) if mention else ""
    # opening hours are by weekday, so posts are searched for its name
    asks = plain if _WEEKDAY.search(words) and intent is Intent.fact else without_time
    return Understood(plain, intent, subject, asks, span, words, axis)


def _of_news(span: Span, now: datetime) -> Span:
    """At the beginning of a week or month «this week» means the last days, too."""
    short = span.end - span.start > _DAY and span.start <= now < span.end and now - span.start < 2 * _DAY
    return Span(now - (span.end - span.start), now) if short else span


def _mention(text: str, now: datetime, tense: Tense, *, loose: bool) -> Mention | None:
    """The span the question names; of several the one that covers them, of «за неделю» the last week."""
    found = time_spans.find(text, now, tense)
    if not found and loose and (match := _LOOSE.search(text.lower())):
        spelt = f"за последние 1 {match[1]}"
        again = time_spans.find(spelt, now)
        found = [Mention(again[0].span, match.start(), match.end())] if again else []
    if not found:
        return None
    return found[0]


def _axis(mention: Mention | None, now: datetime, tense: Tense, *, asks_news: bool) -> Axis:
    if mention is None or mention.span.end <= now:
        return Axis.posted
    if mention.span.start > now:
        return Axis.happens
    # today, this week: what was posted, unless the question looks ahead
    return Axis.happens if tense is Tense.future or not asks_news else Axis.posted


def _intent(text: str, subject: str, mention: Mention | None, axis: Axis, *, asks_news: bool) -> Intent:
    named = intents.named(text)
    if named is not None:
        return named
    if asks_news and axis is Axis.posted:
        return Intent.news
    if intents.asks_agenda(text) and axis is Axis.happens:
        return Intent.agenda
    if content_words(subject):
        return Intent.current if intents.asks_current(text) else Intent.fact
    if mention is None:
        return Intent.incomplete
    return Intent.agenda if axis is Axis.happens else Intent.news
