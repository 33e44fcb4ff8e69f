"""Sentences for Telegram: our texts are HTML, and all values from outside are escaped."""

from html import escape

from tg_assistant.errors import AssistantError
from tg_assistant.texts import has, text


def say(code: str, language: str | None, **values: object) -> str:
    """The sentence as HTML; strings among `values` are escaped, and so shown literally."""
    safe = {name: escape(v, quote=False) if isinstance(v, str) else v for name, v in values.items()}
    return text(code, language, **safe)


def error_text(code: str, language: str | None, **values: object) -> str:
    """The sentence of an error code, escaped for HTML; the general sentence for an unknown code."""
    known = f"errors.{code}"
    if not has(known):
        known, values = "errors.internal", {"reference": code, **values}
    return escape(text(known, language, **values), quote=False)


def error_line(error: AssistantError, language: str | None) -> str:
    """The sentence of an AssistantError, with the time to wait if there is one."""
    line = error_text(error.code, language, **error.values)
    if error.retry_after and error.retry_after >= 1:
        seconds = max(1, round(error.retry_after))
        minutes = -(-seconds // 60)
        wait = ("bot.wait_minutes", minutes) if seconds >= 90 else ("bot.wait_seconds", seconds)
        line += " " + say(wait[0], language, n=wait[1])
    return line
