"""Spans of time as people write them in questions and posts, in Russian and English."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tg_assistant.core.understanding import dates, time_spans
from tg_assistant.core.understanding.time_spans import Tense

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 30, 12, tzinfo=MOSCOW)  # a Monday

# phrase, first day, last day; a time of day where the span ends now
DAYS = [
    ("что писали вчера", "2026-11-29", "2026-11-29"),
    ("вчерашние новости", "2026-11-29", "2026-11-29"),
    ("позавчера", "2026-11-28", "2026-11-28"),
    ("сегодня утром", "2026-11-30", "2026-11-30"),
    ("завтра", "2026-12-01", "2026-12-01"),
    ("послезавтра", "2026-12-02", "2026-12-02"),
    ("на прошлой неделе", "2026-11-23", "2026-11-29"),
    ("на этой неделе", "2026-11-30", "2026-12-06"),
    ("на следующей неделе", "2026-12-07", "2026-12-13"),
    ("в прошлом месяце", "2026-10-01", "2026-10-31"),
    ("в этом году", "2026-01-01", "2026-12-31"),
    ("в прошлом году", "2025-01-01", "2025-12-31"),
    ("в выходные", "2026-12-05", "2026-12-06"),
    ("в прошлые выходные", "2026-11-28", "2026-11-29"),
    ("в субботу", "2026-12-05", "2026-12-05"),
    ("в прошлую пятницу", "2026-11-27", "2026-11-27"),
    ("в следующую среду", "2026-12-09", "2026-12-09"),
    ("в среду", "2026-12-02", "2026-12-02"),
    ("28 ноября", "2026-11-28", "2026-11-28"),
    ("28-го ноября", "2026-11-28", "2026-11-28"),
    ("3 января", "2027-01-03", "2027-01-03"),
    ("28 ноября 2024 года", "2024-11-28", "2024-11-28"),
    ("28.11", "2026-11-28", "2026-11-28"),
    ("28.11.2025", "2025-11-28", "2025-11-28"),
    ("28.11.25", "2025-11-28", "2025-11-28"),
    ("2025-01-05", "2025-01-05", "2025-01-05"),
    ("с 3 по 10 ноября", "2026-11-03", "2026-11-10"),
    ("28 октября – 3 ноября", "2026-10-28", "2026-11-03"),
    ("28 декабря – 3 января", "2026-12-28", "2027-01-03"),
    ("в марте 2024", "2024-03-01", "2024-03-31"),
    ("в мае", "2026-05-01", "2026-05-31"),
    ("за ноябрь", "2026-11-01", "2026-11-30"),
    ("в 2024 году", "2024-01-01", "2024-12-31"),
    ("летом 2024 года", "2024-06-01", "2024-08-31"),
    ("прошлым летом", "2025-06-01", "2025-08-31"),
    ("3 дня назад", "2026-11-27", "2026-11-27"),
    ("пару дней назад", "2026-11-28", "2026-11-28"),
    ("неделю назад", "2026-11-20", "2026-11-26"),
    ("yesterday", "2026-11-29", "2026-11-29"),
    ("the day before yesterday", "2026-11-28", "2026-11-28"),
    ("today's posts", "2026-11-30", "2026-11-30"),
    ("tomorrow", "2026-12-01", "2026-12-01"),
    ("the day after tomorrow", "2026-12-02", "2026-12-02"),
    ("last week", "2026-11-23", "2026-11-29"),
    ("this week", "2026-11-30", "2026-12-06"),
    ("next month", "2026-12-01", "2026-12-31"),
    ("last year", "2025-01-01", "2025-12-31"),
    ("this weekend", "2026-12-05", "2026-12-06"),
    ("over the last weekend", "2026-11-28", "2026-11-29"),
    ("last friday", "2026-11-27", "2026-11-27"),
    ("on Wednesday", "2026-12-02", "2026-12-02"),
    ("March 5, 2024", "2024-03-05", "2024-03-05"),
    ("5th of March 2024", "2024-03-05", "2024-03-05"),
    ("3–10 November", "2026-11-03", "2026-11-10"),
    ("in November", "2026-11-01", "2026-11-30"),
    ("in March 2024", "2024-03-01", "2024-03-31"),
    ("last summer", "2025-06-01", "2025-08-31"),
    ("5 days ago", "2026-11-25", "2026-11-25"),
]
UNTIL_NOW = [
    ("за последние 3 дня", timedelta(days=3)),
    ("за последнюю неделю", timedelta(days=7)),
    ("за последний месяц", timedelta(days=30)),
    ("за последние два часа", timedelta(hours=2)),
    ("over the past two weeks", timedelta(days=14)),
    ("in the last month", timedelta(days=30)),
    ("с понедельника", timedelta(hours=12)),
    ("since Friday", timedelta(days=3, hours=12)),
    ("с 25 ноября", timedelta(days=5, hours=12)),
]
NO_TIME = [
    "последние новости",
    "ветер 12.08 м/с",
    "вырос на 05.10 %",
    "it may be so",
    "with 16 experts of 300M",
    "по вторникам и средам",
    "31 февраля",
    "версия 3.10",
    "стоит 1 200 ₽",
    "март месяц весны",
]
BY_TENSE = [
    ("в субботу", Tense.past, "2026-11-28"),
    ("в субботу", Tense.future, "2026-12-05"),
    ("в понедельник", Tense.past, "2026-11-30"),
    ("9 мая", Tense.past, "2026-05-09"),
    ("9 мая", Tense.future, "2027-05-09"),
    ("в выходные", Tense.past, "2026-11-28"),
    ("on Saturday", Tense.past, "2026-11-28"),
]


@pytest.mark.parametrize(("phrase", "first", "last"), DAYS)
def test_days(phrase: str, first: str, last: str):
    """Whole days in the reader's time zone."""
    (found,) = time_spans.find(phrase, NOW)
    assert found.span.start == datetime.fromisoformat(first).replace(tzinfo=MOSCOW)
    assert found.span.end == datetime.fromisoformat(last).replace(tzinfo=MOSCOW) + timedelta(days=1)


@pytest.mark.parametrize(("phrase", "length"), UNTIL_NOW)
def test_until_now(phrase: str, length: timedelta):
    """A span that ends at this moment."""
    (found,) = time_spans.find(phrase, NOW)
    assert (found.span.start, found.span.end) == (NOW - length, NOW)


@pytest.mark.parametrize("text", NO_TIME)
def test_no_time(text: str):
    """Numbers, versions, habits and days that do not exist are no dates."""
    assert time_spans.find(text, NOW) == []


@pytest.mark.parametrize(("phrase", "tense", "first"), BY_TENSE)
def test_the_tense_decides(phrase: str, tense: Tense, first: str):
    """The last Saturday of «что было», the next one of «куда сходить»."""
    (found,) = time_spans.find(phrase, NOW, tense)
    assert found.span.start.date() == date.fromisoformat(first)


def test_where_the_text_names_it():
    """Several spans in their order, each with its place; none within another."""
    text = "Ярмарка 5 и 6 декабря, а репетиция завтра"
    assert [text[one.start : one.end] for one in time_spans.find(text, NOW)] == ["6 декабря", "завтра"]


def test_days_a_post_mentions():
    """Relative to the day of the post; spans of a month or a year are no days of an event."""
    text = "В субботу ярмарка, сбор с 10 до 12. Выставка идёт с 1 по 3 декабря. В 2024 году было иначе."
    days = dates.mentioned(text, NOW)
    assert days == [date(2026, 12, 1), date(2026, 12, 2), date(2026, 12, 3), date(2026, 12, 5)]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300) | st.lists(st.sampled_from([p for p, *_ in DAYS]), max_size=20).map(" ".join))
def test_any_text(text: str):
    """Never an error; every span has a length and lies within the text."""
    for one in time_spans.find(text, NOW):
        assert one.span.start < one.span.end
        assert 0 <= one.start < one.end <= len(text)
