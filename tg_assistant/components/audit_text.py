"""The details of an audit trail's line, in words: internal field names are never shown."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from tg_assistant.components.devices import device_name
from tg_assistant.texts import date, has, text

_REASONS = {
    "SESSION_REVOKED": "revoked",
    "AUTH_KEY_UNREGISTERED": "revoked",
    "SESSION_EXPIRED": "expired",
    "USER_DEACTIVATED": "deactivated",
    "USER_DEACTIVATED_BAN": "deactivated",
    "AUTH_KEY_INVALID": "key",
    "AUTH_KEY_DUPLICATED": "key",
    "AUTH_KEY_NOT_FOUND": "key",
    "blocked": "blocked",
}
_ERASED = ("accounts", "channels", "questions", "sessions")


def details(action: str, detail: Mapping[str, Any], language: str, names: Mapping[str, str]) -> list[str]:
    """One phrase for each value of an audit event's `detail`; values without a phrase are omitted.

    `names` are the members' names by id.
    """
    if action == "retention.change":
        said = [_period(name, days, language) for name, days in detail.items()]
    elif action == "person.erase":
        said = [text(f"panel.said_{name}", language, n=detail[name]) for name in _ERASED if detail.get(name)]
    else:
        known = ((_SAYING[name], value) for name, value in detail.items() if name in _SAYING)
        said = [saying(value, language) for saying, value in known]
        if (member := str(detail.get("member"))) in names:
            said.append(text("panel.said_by", language, name=names[member]))
        if detail.get("running"):
            said.append(text("panel.said_share", language, value=detail.get("share")))
        elif "running" in detail:
            said.append(text("panel.said_stopped", language))
    return [phrase for phrase in said if phrase]


def _period(name: str, days: int | None, language: str) -> str:
    if not has(f"panel.keep_{name}"):
        return ""
    what = text(f"panel.keep_{name}", language)
    if days is None:
        return text("panel.said_days_usual", language, what=what)
    return text("panel.said_days", language, what=what, n=days)


def _worded(phrase: str, words: str) -> Callable[[Any, str], str]:
    """A function that puts the value's word (text `<words>_<value>`) into `phrase`, or gives ""."""

    def say(value: Any, language: str) -> str:
        code = f"{words}_{value}"
        return text(phrase, language, value=text(code, language)) if has(code) else ""

    return say


def _device(value: Any, _language: str) -> str:
    return device_name(str(value)) or str(value)


def _reason(value: Any, language: str) -> str:
    return text(f"panel.reason_{_REASONS[value]}", language) if value in _REASONS else ""


def _plan_end(value: Any, language: str) -> str:
    if value in (None, "None"):
        return text("panel.said_plan_endless", language)
    with suppress(ValueError):
        return text("panel.said_plan_until", language, value=date(datetime.fromisoformat(value), language))
    return ""


def _uses(value: Any, language: str) -> str:
    return text("panel.said_uses", language, n=value) if value else text("panel.said_uses_any", language)


def _fields(value: Any, language: str) -> str:
    words = [text(code, language) for name in value if has(code := f"panel.field_{name}")]
    return text("panel.said_fields", language, value=", ".join(words)) if words else ""


_SAYING: dict[str, Callable[[Any, str], str]] = {
    "device": _device,
    "reason": _reason,
    "role": _worded("panel.said_role", "admin.role"),
    "plan": _worded("panel.said_plan", "panel.plan"),
    "language": _worded("panel.said_language", "panel.language"),
    "plan_expires_at": _plan_end,
    "uses_limit": _uses,
    "fields": _fields,
    "uses_count": lambda value, language: text("panel.said_used", language, n=value),
    "posts": lambda value, language: text("panel.said_posts", language, n=value),
    "scanned_telegram_id": lambda value, language: text("panel.said_scanned", language, value=value),
    "enabled": lambda value, language: text("panel.said_on" if value else "panel.said_off", language),
    "disabled": lambda value, language: text(
        "panel.said_access_off" if str(value) == "True" else "panel.said_access_on", language
    ),
}
