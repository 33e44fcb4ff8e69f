"""Sentences for Telegram: HTML in our own texts, everything that comes from outside escaped."""

from html import escape

from tg_assistant.errors import AssistantError
from tg_assistant.texts import has, text


def say(code: str, language: str | None, **values: object) -> str:
    """The sentence as HTML; strings among `values` are shown as they are, whatever they contain."""
    safe = {name: escape(v, quote=False) if isinstance(v, str) else v for name, v in values.items()}
    return text(code, language, **safe)


def error_text(code: str, language: str | None, **values: object) -> str:
    """The sentence of an error code, plain words escaped; an unknown code gets the general one."""
    known = f"errors.{code}"
    if not has(known):
        known, values = "errors.internal", {"reference": code, **values}
    return escape(text(known, language, **values), quote=False)


def error_line(error: AssistantError, language: str | None) -> str:
    """What a person reads when the tree's error rose, with the time to wait where there is one."""
    line = error_text(error.code, language, **error.values)
    if error.retry_after and error.retry_after >= 1:
        seconds = max(1, round(error.retry_after))
        minutes = -(-seconds // 60)
        wait = ("bot.wait_minutes", minutes) if seconds >= 90 else ("bot.wait_seconds", seconds)
        line += " " + say(wait[0], language, n=wait[1])
    return line
