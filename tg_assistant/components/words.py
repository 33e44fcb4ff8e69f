"""Sentences on a page: both languages are in the build, the person's language decides."""

from typing import Any

import reflex as rx

from tg_assistant.state import SessionState
from tg_assistant.texts import text


def say(code: str, **values: object) -> Any:
    """The sentence in the signed-in person's language, as a Reflex var."""
    return rx.cond(SessionState.language == "ru", text(code, "ru", **values), text(code, "en", **values))
