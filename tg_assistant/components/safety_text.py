"""The account-safety meter in plain words."""

from datetime import datetime

from tg_assistant.core.accounts.safety import Safety, Waiting
from tg_assistant.texts import date, text
from tg_assistant.web import process

_HOUR, _DAY = 3600, 86_400


def lines(safety: Safety, language: str) -> list[str]:
    """What waits, why and how long; what is used of each budget; the slow start. Nothing without limits."""
    if not safety.meters and not safety.waiting:
        return []
    said = [_waits(one, language) for one in safety.waiting] or [text("safety.nothing_waits", language)]
    said += [
        text(f"safety.used_{one.kind}", language, used=one.used, limit=one.limit) for one in safety.meters
    ]
    if safety.slow_until is not None:
        share = round(safety.slow_start * 100)
        said.append(
            text("safety.slow_start", language, percent=share, when=date(safety.slow_until, language))
        )
    return said


def _waits(waiting: Waiting, language: str) -> str:
    what = text(f"safety.what_{waiting.kind}", language)
    why = text(f"safety.why_{waiting.why}", language)
    line = text("safety.waits", language, what=what, why=why, left=_left(waiting.until, language))
    if waiting.tasks:
        line += " " + text("safety.tasks", language, n=waiting.tasks)
    return line


def _left(until: datetime, language: str) -> str:
    seconds = max(1, round((until - process.now()).total_seconds()))
    if seconds < 90:
        return text("safety.seconds", language, n=seconds)
    if seconds < 2 * _HOUR:
        return text("safety.minutes", language, n=round(seconds / 60))
    if seconds < 2 * _DAY:
        return text("safety.hours", language, n=round(seconds / _HOUR))
    return text("safety.days", language, n=round(seconds / _DAY))
