"""How questions are understood: what they want, of what time, about what."""

from datetime import UTC, datetime

import pytest

from tg_assistant.core.answers import question
from tg_assistant.core.answers.intents import Intent
from tg_assistant.core.answers.question import Axis

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)  # a Monday

# question, intent, subject, first day of its span
UNDERSTOOD = [
    ("Что было вчера в Лумске?", Intent.news, "Лумске", "2026-11-29"),
    ("Что писали 28 ноября?", Intent.news, "", "2026-11-28"),
    ("Дайджест за сегодня", Intent.news, "", "2026-11-30"),
    ("Расскажи, что я пропустил за неделю", Intent.news, "", "2026-11-23"),
    ("Что сегодня в новостях?", Intent.news, "", "2026-11-30"),
    ("Что нового?", Intent.news, "", None),
    ("Последние новости", Intent.news, "", None),
    ("итоги недели", Intent.news, "", None),
    ("что нового про Азаматова", Intent.news, "Азаматова", None),
    ("чё там по мосту", Intent.news, "мосту", None),
    ("Что случилось в Южной Корее?", Intent.news, "Южной Корее", None),
    ("What's new in AI this week?", Intent.news, "AI", "2026-11-23"),
    ("what happened yesterday", Intent.news, "", "2026-11-29"),
    ("news about Orrery OS", Intent.news, "Orrery OS", None),
    ("куда сходить в субботу", Intent.agenda, "", "2026-12-05"),
    ("что будет на выходных", Intent.agenda, "", "2026-12-05"),
    ("Куда сходить?", Intent.agenda, "", "2026-11-30"),
    ("Какие события ожидаются?", Intent.agenda, "", "2026-11-30"),
    ("Во сколько завтра матч?", Intent.fact, "матч", "2026-12-01"),
    ("Какой сейчас курс доллара?", Intent.current, "курс доллара", None),
    ("Сколько сейчас стоит проезд в трамвае?", Intent.current, "проезд трамвае", None),
    ("Как сыграла «Плотина» в последнем матче?", Intent.current, "сыграла Плотина матче", None),
    ("скока щас маршрутка", Intent.current, "маршрутка", None),
    ("Кто победил в полумарафоне?", Intent.fact, "победил полумарафоне", None),
    ("When did the duck leave?", Intent.fact, "duck leave", None),
    ("Перечисли все посты про мост", Intent.listing, "мост", None),
    ("Сколько раз писали про утку?", Intent.listing, "утку", None),
    ("Что думают о новом мосте?", Intent.opinion, "мосте", None),
    ("Что говорят про Мартыш?", Intent.opinion, "Мартыш", None),
    ("Сколько стоит?", Intent.incomplete, "", None),
    ("Когда?", Intent.incomplete, "", None),
    ("Где это?", Intent.incomplete, "", None),
    ("Спасибо!", Intent.small_talk, "", None),
    ("привет", Intent.small_talk, "", None),
    ("Thanks a lot!", Intent.small_talk, "", None),
    ("Кто ты?", Intent.assistant, "", None),
    ("Что ты умеешь?", Intent.assistant, "", None),
    ("What can you do?", Intent.assistant, "", None),
]
AXES = [
    ("Что писали вчера?", Axis.posted),
    ("Кто победил в субботу?", Axis.posted),
    ("Куда сходить в субботу?", Axis.happens),
    ("Во сколько завтра матч?", Axis.happens),
    ("Какие концерты на этой неделе?", Axis.happens),
]


@pytest.mark.parametrize(("text", "intent", "subject", "first"), UNDERSTOOD)
def test_understood(text: str, intent: Intent, subject: str, first: str | None):
    """Intent, subject and the first day of the time asked about."""
    understood = question.understand(text, NOW)
    span = understood.span.start.date().isoformat() if understood.span else None
    assert (understood.intent, understood.subject, span) == (intent, subject, first)


@pytest.mark.parametrize(("text", "axis"), AXES)
def test_of_what_the_time_is(text: str, axis: Axis):
    """When posts were posted, or when what they tell of happens."""
    assert question.understand(text, NOW).axis is axis


def test_a_weekday_stays_in_what_is_searched():
    """Opening hours are by weekday; a day of the calendar is no word of the posts."""
    assert "среду" in question.understand("Когда музей работает в среду?", NOW).asks
    assert "завтра" not in question.understand("Когда завтра матч?", NOW).asks
