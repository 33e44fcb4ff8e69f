"""The days that a post mentions, relative to the day it was posted: «в субботу», «с 3 по 10 декабря»."""

from datetime import date, datetime

from tg_assistant.core.understanding import time_spans
from tg_assistant.core.understanding.time_spans import Tense

LONGEST = 10  # days of a span; longer ones («в 2024 году») are no dates of an event
MOST = 64  # days of a post


def mentioned(text: str, posted_at: datetime) -> list[date]:
    """Return the days named in a text, each once, in order; at most `MOST`.

    `posted_at` is aware, in the time zone of the post's readers. A weekday is the next one unless the text
    says otherwise; a date without a year is the nearest.
    """
    spans = [one.span for one in time_spans.find(text, posted_at, Tense.unknown)]
    days = {day for span in spans if span.days <= LONGEST for day in span.dates()}
    return sorted(days)[:MOST]
