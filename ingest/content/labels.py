"""Parts of a post besides its text, each beginning with where it came from, in the language of its words."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tg_assistant.texts import date
from tg_assistant.texts import text as say

_CYRILLIC = re.compile("[а-яё]", re.IGNORECASE)
Part = dict[str, str]


def part(origin: str, text: str | None) -> list[Part]:
    """Return the part `origin` with its label, or nothing without a text."""
    words = (text or "").strip()
    return [Part(origin=origin, text=label(origin, words, text=words))] if words else []


def label(code: str, like: str, **values: object) -> str:
    """Return our sentence for a part, in Russian if the words `like` have Cyrillic letters."""
    return say(f"post.{code}", "ru" if _CYRILLIC.search(like) else "en", **values)


def day(code: str, like: str, when: datetime) -> str:
    """Return our sentence for a part with a date."""
    return label(code, like, date=date(when, "ru" if _CYRILLIC.search(like) else "en"))


def joined(pieces: Iterable[Any], between: str = ", ") -> str:
    """Return those of the texts that are not empty, as one."""
    return between.join(str(piece).strip() for piece in pieces if piece)
