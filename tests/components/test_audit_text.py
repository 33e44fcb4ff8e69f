"""The log of the panel speaks in words, whatever an action wrote down."""

from typing import Any

import pytest

from tg_assistant.components.audit_text import details
from tg_assistant.core.plans import PLANS
from tg_assistant.texts import LANGUAGES, has

_ANNA = "0d5fa9a2-0000-4000-8000-000000000001"
_LINES: list[tuple[str, dict[str, Any], str, str]] = [
    ("member.change", {"role": "admin"}, "роль: Администратор", "role: Admin"),
    ("member.change", {"plan": "plus"}, "тариф: Плюс", "plan: Plus"),
    ("member.change", {"plan_expires_at": "None"}, "тариф бессрочно", "plan without an end"),
    ("member.change", {"disabled": "True"}, "доступ выключен", "access off"),
    ("member.change", {"disabled": "False"}, "доступ включён", "access on"),
    ("member.language", {"language": "ru"}, "язык: русский", "language: Russian"),
    ("session.end", {"member": _ANNA}, "участник: Анна", "member: Анна"),
    ("session.end", {"member": "somebody gone"}, "", ""),
    (
        "account.ended",
        {"reason": "SESSION_REVOKED"},
        "завершён с другого устройства",
        "ended from another device",
    ),
    ("account.ended", {"reason": "SOMETHING_NEW"}, "", ""),
    ("account.mismatch", {"scanned_telegram_id": 42}, "Telegram id: 42", "Telegram id: 42"),
    ("notification.drop", {"reason": "blocked"}, "человек остановил бота", "the person stopped the bot"),
    ("flag.set", {"enabled": False}, "выключено", "off"),
    ("experiment.set", {"running": True, "share": 10}, "участвуют 10%", "10% take part"),
    ("experiment.set", {"running": False, "share": 10}, "остановлен", "stopped"),
    ("invite.create", {"uses_limit": 0}, "сколько угодно раз", "any number of uses"),
    ("invite.create", {"uses_limit": 21}, "на 21 человека", "21 uses"),
    ("invite.change", {"fields": ["expires_at", "notes"]}, "изменено: срок, заметка", "changed: end, note"),
    ("invite.delete", {"uses_count": 2}, "использовано 2 раза", "used 2 times"),
    ("retention.change", {"posts": 30}, "посты: 30 дней", "posts: 30 days"),
    ("retention.change", {"audit": None}, "журнал: обычный срок", "log: usual period"),
    ("person.erase", {"channels": 3, "questions": 0, "group": False}, "3 канала", "3 channels"),
    ("anything.else", {"unheard_of": "raw_value"}, "", ""),
]


@pytest.mark.parametrize(("action", "detail", "russian", "english"), _LINES)
def test_details_are_words(action: str, detail: dict[str, Any], russian: str, english: str) -> None:
    """No name of a field, no id and no code of ours; what has no words is left out."""
    names = {_ANNA: "Анна"}
    assert " · ".join(details(action, detail, "ru", names)) == russian
    assert " · ".join(details(action, detail, "en", names)) == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_end_of_a_plan_is_a_date(language: str) -> None:
    """As it was written down, with its zone; what is no date is left out."""
    shown = {"ru": "тариф до 31.12.2026", "en": "plan until "}
    said = details("member.change", {"plan_expires_at": "2026-12-31 10:00:00+00:00"}, language, {})
    assert said[0].startswith(shown[language])
    assert details("member.change", {"plan_expires_at": "soon"}, language, {}) == []


def test_every_plan_and_job_has_a_name() -> None:
    """What is sold and what waits in the queue has words in both languages."""
    assert [name for name in PLANS if not has(f"panel.plan_{name}")] == []
    jobs = ("index", "purge_channel", "forget_tenant")
    assert [name for name in jobs if not has(f"panel.job_{name}")] == []
