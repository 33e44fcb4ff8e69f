"""Spans of time that a text names, in Russian and English: «на прошлой неделе», «28 ноября», "since Friday".

A grammar of our own: libraries of the field parse single dates, not spans, and most of them take «в мае» or
"2.5" for a date of today. Each rule is a pattern with bounded repetitions, so the time is linear.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from tg_assistant.core.understanding import calendar_words as words

LONGEST_TEXT = 4_096  # characters that are read; Telegram's longest message


class Tense(StrEnum):
    """Whether a date without a year, or a weekday, is the last one or the next one."""

    past = "past"
    future = "future"
    unknown = "unknown"


@dataclass(frozen=True)
class Span:
    """A span of time, `end` excluded; both are aware datetimes."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """Its length in days, rounded up."""
        return -((self.start - self.end) // timedelta(days=1))

    def dates(self) -> list[date]:
        """Every day it touches."""
        first = self.start.date()
        return [first + timedelta(days=n) for n in range((self.end - self.start).days or 1)]


@dataclass(frozen=True)
class Mention:
    """A span and where the text names it: text[start:end]."""

    span: Span
    start: int
    end: int


@dataclass(frozen=True)
class _Reading:
    now: datetime
    tense: Tense

    @property
    def today(self) -> date:
        return self.now.date()

    def span(self, first: date, last: date) -> Span:
        """The days from `first` to `last`, both included, in the reader's time zone."""
        start, end = (datetime.combine(day, time(), self.now.tzinfo) for day in (first, last + _DAY))
        return Span(start, end)


_DAY = timedelta(days=1)
_Rule = Callable[[re.Match[str], _Reading], Span | None]


def find(text: str, now: datetime, tense: Tense = Tense.unknown) -> list[Mention]:
    """Return the spans that a text names, in its order, none within another.

    `now` is when the text was written, aware, in the time zone of its reader.
    """
    plain = text[:LONGEST_TEXT].lower().replace("ё", "е")
    reading = _Reading(now, tense)
    taken: list[Mention] = []
    for pattern, rule in _RULES:
        for match in pattern.finditer(plain):
            if any(match.start() < one.end and one.start < match.end() for one in taken):
                continue
            try:
                span = rule(match, reading)
            except (ValueError, OverflowError):  # 31 February, or a year that does not exist
                continue
            if span is not None:
                taken.append(Mention(span, match.start(), match.end()))
    return sorted(taken, key=lambda one: one.start)


# ── Rules: each takes a match and returns its span, or None for what is no date ──────────────────────────


def _last_units(match: re.Match[str], reading: _Reading) -> Span | None:
    count = words.number(match["n"]) if match["n"] else 1
    length = words.length(match["unit"])
    return Span(reading.now - count * length, reading.now)


def _ago(match: re.Match[str], reading: _Reading) -> Span:
    count = words.number(match["n"]) if match["n"] else 1
    length = words.length(match["unit"])
    then = reading.now - count * length
    if length < _DAY:
        return Span(then - length, then + length)
    around = timedelta(days={7: 3, 30: 15, 365: 183}.get(length.days, 0))
    return reading.span(then.date() - around, then.date() + around)


def _day(offset: int) -> _Rule:
    def rule(_: re.Match[str], reading: _Reading) -> Span:
        day = reading.today + offset * _DAY
        return reading.span(day, day)

    return rule


def _period(match: re.Match[str], reading: _Reading) -> Span:
    """«На прошлой неделе», "next month": calendar weeks, months and years."""
    step = words.direction(match["which"])
    if words.length(match["unit"]).days == 7:
        monday = reading.today - timedelta(days=reading.today.weekday()) + step * 7 * _DAY
        return reading.span(monday, monday + 6 * _DAY)
    if words.length(match["unit"]).days == 30:
        return _month_span(reading, *_shifted(reading.today, step))
    year = reading.today.year + step
    return reading.span(date(year, 1, 1), date(year, 12, 31))


def _weekend(match: re.Match[str], reading: _Reading) -> Span:
    saturday = reading.today + timedelta(days=5 - reading.today.weekday())
    which = match["which"]
    past = reading.tense is Tense.past and reading.today.weekday() < 5
    step = words.direction(which) if which else -1 if past else 0
    saturday += step * 7 * _DAY
    return reading.span(saturday, saturday + _DAY)


def _weekday(match: re.Match[str], reading: _Reading) -> Span:
    which = match["which"]
    ahead = (words.weekday(match["day"]) - reading.today.weekday()) % 7
    step = words.direction(which) if which else 0
    if step < 0 or (reading.tense is Tense.past and step == 0):
        day = reading.today + timedelta(days=ahead - 7 if ahead or step < 0 else 0)
    else:
        in_next_week = step > 0 and ahead < 7 - reading.today.weekday()
        day = reading.today + timedelta(days=ahead + 7 * in_next_week)
    return reading.span(day, day)


def _since_weekday(match: re.Match[str], reading: _Reading) -> Span:
    back = (reading.today.weekday() - words.weekday(match["day"])) % 7
    return Span(reading.span(reading.today - back * _DAY, reading.today).start, reading.now)


def _since_date(match: re.Match[str], reading: _Reading) -> Span:
    first = _of_year(_Reading(reading.now, Tense.past), match)
    return Span(reading.span(first, first).start, reading.now)


def _date(match: re.Match[str], reading: _Reading) -> Span:
    day = _of_year(reading, match)
    return reading.span(day, day)


def _days(match: re.Match[str], reading: _Reading) -> Span | None:
    """«С 3 по 10 ноября», "3–10 November"."""
    last = _of_year(reading, match)
    first_month = words.month(match["first_month"]) if match["first_month"] else last.month
    first = date(last.year - (first_month > last.month), first_month, int(match["first"]))
    return reading.span(first, last) if first <= last else None


def _numeric(match: re.Match[str], reading: _Reading) -> Span:
    if match["year"]:
        year = int(match["year"])
        day = date(year + 2000 * (year < 100), int(match["month"]), int(match["d"]))
    else:
        day = _nearest(reading, int(match["month"]), int(match["d"]))
    return reading.span(day, day)


def _month(match: re.Match[str], reading: _Reading) -> Span:
    month = words.month(match["month"])
    if match["year"]:
        return _month_span(reading, int(match["year"]), month)
    year = reading.today.year
    if reading.tense is Tense.future:
        return _month_span(reading, year + (month < reading.today.month), month)
    return _month_span(reading, year - (month > reading.today.month), month)


def _season(match: re.Match[str], reading: _Reading) -> Span:
    first = words.season(match["season"])
    year, today = reading.today.year, reading.today
    if match["year"]:
        year = int(match["year"])
    elif match["which"]:
        year += words.direction(match["which"])
    elif reading.tense is not Tense.future and date(year, first, 1) > today:
        year -= 1
    begin = date(year, first, 1)
    return reading.span(begin, date(*_shifted(begin, 3), 1) - _DAY)


def _year(match: re.Match[str], reading: _Reading) -> Span:
    year = int(match["year"])
    return reading.span(date(year, 1, 1), date(year, 12, 31))


# ── Calendar arithmetic ──────────────────────────────────────────────────────────────────────────────────


def _of_year(reading: _Reading, match: re.Match[str]) -> date:
    month, day = words.month(match["month"]), int(match["d"])
    return date(int(match["year"]), month, day) if match["year"] else _nearest(reading, month, day)


def _nearest(reading: _Reading, month: int, day: int) -> date:
    """The date without a year that the tense allows and that is the nearest to today."""
    today = reading.today
    near = [_valid(year, month, day) for year in (today.year - 1, today.year, today.year + 1)]
    days = [one for one in near if one is not None]
    if reading.tense is Tense.past:
        days = [one for one in days if one <= today]
    elif reading.tense is Tense.future:
        days = [one for one in days if one >= today]
    if not days:
        raise ValueError("no such date")
    return min(days, key=lambda one: abs(one - today))


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:  # 29 February
        return None


def _shifted(day: date, months: int) -> tuple[int, int]:
    at = day.year * 12 + day.month - 1 + months
    return at // 12, at % 12 + 1


def _month_span(reading: _Reading, year: int, month: int) -> Span:
    first = date(year, month, 1)
    return reading.span(first, date(*_shifted(first, 1), 1) - _DAY)


_BY_NAME: dict[str, _Rule] = {
    "last_units": _last_units,
    "ago": _ago,
    "days": _days,
    "since_date": _since_date,
    "date": _date,
    "numeric": _numeric,
    "since_weekday": _since_weekday,
    "period": _period,
    "weekend": _weekend,
    "weekday": _weekday,
    "month": _month,
    "season": _season,
    "year": _year,
    **{f"day{offset:+}": _day(offset) for offset in range(-2, 3)},
}
# in the order in which they are tried: longer forms before their parts
_RULES = [(re.compile(pattern), _BY_NAME[name]) for name, pattern in words.PATTERNS]
