"""Times and numbers as people read them: relative times, digits grouped by language."""

from datetime import datetime

from tg_assistant.texts import date, text
from tg_assistant.web import process

_GROUPING = {"ru": "\u202f", "en": ","}
_DECIMAL = {"ru": ",", "en": "."}
_COLOURS = 7


def ago(when: datetime, language: str, *, now: datetime | None = None) -> str:
    """A relative time, for example "5 minutes ago"; the date from a week on."""
    seconds = ((now or process.now()) - when).total_seconds()
    if seconds < 60:
        return text("time.now", language)
    if seconds < 3600:
        return text("time.minutes", language, n=int(seconds // 60))
    if seconds < 86_400:
        return text("time.hours", language, n=int(seconds // 3600))
    if seconds < 7 * 86_400:
        return text("time.days", language, n=int(seconds // 86_400))
    return date(when, language)


def tenths(value: float, language: str) -> str:
    """A number with one decimal: `0,3` (ru) or `0.3` (en)."""
    return f"{value:.1f}".replace(".", _DECIMAL[language])


def counted(code: str, language: str, n: int) -> str:
    """The plural form of `code` for `n`, with the number's digits grouped."""
    return text(code, language, n=n).replace(str(n), grouped(n, language))


def grouped(n: int, language: str) -> str:
    """A number with its digits grouped: `12 345` (ru) or `12,345` (en)."""
    return f"{n:,}".replace(",", _GROUPING[language])


def dotted(phrases: list[str]) -> str:
    """Short phrases joined with dots; a line can break only after a dot, never inside a phrase."""
    return "\u00a0· ".join(phrase.replace(" ", "\u00a0") for phrase in phrases)


def initial(title: str) -> str:
    """The letter in a peer's coloured circle: the title's first letter or digit, or `#`."""
    return next((letter.upper() for letter in title if letter.isalnum()), "#")


def colour(telegram_id: int) -> int:
    """A peer's colour, an index of Telegram's seven: 0…6."""
    return abs(telegram_id) % _COLOURS


def milliseconds(when: datetime) -> int:
    """Milliseconds since 1970, for JavaScript."""
    return int(when.timestamp() * 1000)
