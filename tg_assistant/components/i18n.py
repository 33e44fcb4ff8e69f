"""Sentences on a page: the build has both languages, and the person's or the browser's language selects."""

from typing import Any

import reflex as rx

from tg_assistant.state import SessionState
from tg_assistant.texts import LANGUAGES, text


def say(code: str, **values: object) -> Any:
    """The sentence in the signed-in person's language, as a Reflex var."""
    return rx.cond(SessionState.language == "ru", text(code, "ru", **values), text(code, "en", **values))


def in_browser(code: str, **values: object) -> rx.Component:
    """The sentence in the browser's language, from the first paint on: for pages without a sign-in."""
    languages = [rx.el.span(text(code, one, **values), class_name=f"in-{one}", lang=one) for one in LANGUAGES]
    return rx.fragment(*languages)
