"""Every sentence a person reads, found by code and language; a door never holds one itself.

Sentences live in `<language>_<door>.py` beside this file, each with one `TEXTS` mapping. A value is a
sentence or, where a number decides the wording, its plural forms: `{"one": …, "few": …, "many": …}`.
"""

import importlib
import pkgutil
from datetime import datetime
from functools import cache

LANGUAGES = ("ru", "en")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS_EN = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
              "October", "November", "December")  # fmt: skip
_MONTHS_OF_RU = ("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября",
                 "октября", "ноября", "декабря")  # fmt: skip
Sentence = str | dict[str, str]


def language_of(code: str | None) -> str:
    """The language we answer in for a Telegram `language_code` ("ru", "ru-RU", "en-GB", "de", None)."""
    return "ru" if (code or "").lower().split("-")[0] == "ru" else "en"


def text(code: str, language: str | None, **values: object) -> str:
    """The sentence `code` with `values` filled in; `n` picks the plural form where there are several.

    Raises `KeyError` for an unknown code: a test walks all codes, so this is a programming error.
    """
    chosen = language_of(language)
    sentence = _sentences(chosen)[code]
    if isinstance(sentence, dict):
        number = values.get("n", 0)
        form = plural(number if isinstance(number, int) else 0, chosen)
        sentence = sentence.get(form) or sentence["many" if "many" in sentence else "other"]
    return sentence.format(**values) if values else sentence


def date(when: datetime, language: str | None) -> str:
    """`31.12.2026` or `31 Dec 2026`; the months' names do not follow the server's locale."""
    if language_of(language) == "ru":
        return when.strftime("%d.%m.%Y")
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def day(when: datetime, language: str | None, *, this_year: int) -> str:
    """`27 ноября` or `27 November`, with the year if it is not this one, for use within a sentence."""
    russian = language_of(language) == "ru"
    month = (_MONTHS_OF_RU if russian else _MONTHS_EN)[when.month - 1]
    year = "" if when.year == this_year else f" {when.year} г." if russian else f" {when.year}"
    return f"{when.day} {month}{year}"


def has(code: str) -> bool:
    """Whether a sentence exists in every language (errors fall back to a general one)."""
    return all(code in _sentences(language) for language in LANGUAGES)


def codes(language: str) -> frozenset[str]:
    """All codes of one language, for the test that both languages say the same things."""
    return frozenset(_sentences(language))


def plural(n: int, language: str) -> str:
    """The CLDR plural category of a whole number: one/few/many in Russian, one/other in English."""
    if language_of(language) == "en":
        return "one" if n == 1 else "other"
    last_two, last = abs(n) % 100, abs(n) % 10
    if 11 <= last_two <= 14:
        return "many"
    return "one" if last == 1 else "few" if 2 <= last <= 4 else "many"


@cache
def _sentences(language: str) -> dict[str, Sentence]:
    """All sentences of one language; a code defined twice stops the process at start."""
    found: dict[str, Sentence] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not module.name.rpartition(".")[2].startswith(f"{language}_"):
            continue
        texts: dict[str, Sentence] = importlib.import_module(module.name).TEXTS
        twice = found.keys() & texts.keys()
        if twice:
            raise ValueError(f"{module.name} repeats {sorted(twice)}")
        found |= texts
    return found
