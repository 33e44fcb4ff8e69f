"""Times, numbers, devices and answers as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from tg_assistant.components.conversation import parts
from tg_assistant.components.devices import device_name
from tg_assistant.components.formatting import ago, colour, counted, dotted, grouped, initial, tenths

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "ru", "en"),
    [
        (timedelta(seconds=5), "только что", "just now"),
        (timedelta(minutes=1), "1 минуту назад", "1 minute ago"),
        (timedelta(minutes=3), "3 минуты назад", "3 minutes ago"),
        (timedelta(minutes=11), "11 минут назад", "11 minutes ago"),
        (timedelta(hours=21), "21 час назад", "21 hours ago"),
        (timedelta(days=1), "вчера", "yesterday"),
        (timedelta(days=5), "5 дней назад", "5 days ago"),
        (timedelta(days=30), "23.10.2026", "23 Oct 2026"),
    ],
)
def test_times_are_relative_for_a_week(age: timedelta, ru: str, en: str) -> None:
    """Real plural forms, then the date."""
    assert ago(NOW - age, "ru", now=NOW) == ru
    assert ago(NOW - age, "en", now=NOW) == en


def test_numbers_are_grouped_by_language() -> None:
    """The plural form goes by the number, the digits by the language."""
    assert grouped(1234567, "en") == "1,234,567"
    assert counted("channels.members", "ru", 58_201) == "58\u202f201 подписчик"
    assert counted("channels.posts", "en", 1) == "1 post"


def test_decimals_go_by_language() -> None:
    """A comma in Russian, a point in English."""
    assert (tenths(0.34, "ru"), tenths(0.34, "en")) == ("0,3", "0.3")


def test_every_peer_has_a_letter_and_a_colour() -> None:
    """Titles may start with emoji; ids may be negative."""
    assert initial("🔥 новости") == "Н"
    assert initial("🔥") == "#"
    assert colour(-1001234) in range(7)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Mobile Safari/604", "Safari, iPhone"),
        (
            "Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537 Telegram-Android/12",
            "Telegram, Android",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/140 Safari/537 Edg/140", "Edge, Windows"),
        ("curl/8", ""),
    ],
)
def test_devices_have_names(agent: str, name: str) -> None:
    """A User-Agent is not something to show a person."""
    assert device_name(agent) == name


def test_answer_is_cut_at_its_citations() -> None:
    """Numbers become buttons; everything else stays as it was written."""
    cut = parts("Снег [1]. Дождь [12]")
    assert [(part["text"], part["n"]) for part in cut] == [
        ("Снег\u2060", 0),
        ("", 1),
        (". Дождь\u2060", 0),
        ("", 12),
    ]
    assert parts("") == []
    assert parts("[x] <b>[123]</b>")[0]["text"] == "[x] <b>[123]</b>"


def test_a_row_of_phrases_breaks_between_them() -> None:
    """The only ordinary space is the one after a dot."""
    assert dotted(["Admin", "2 hours ago"]) == "Admin\u00a0· 2\u00a0hours\u00a0ago"
