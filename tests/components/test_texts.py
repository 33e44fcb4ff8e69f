"""Both languages say the same things, in the tone we speak in."""

import re
import string

import pytest

from tg_assistant import texts
from tg_assistant.texts import LANGUAGES, codes, language_of, plural, text


def _forms(language: str) -> dict[str, list[str]]:
    everything = texts._sentences(language)
    return {
        code: list(said.values()) if isinstance(said, dict) else [said] for code, said in everything.items()
    }


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_codes() -> None:
    """A sentence that exists in one language only would break the other's screen."""
    assert codes("ru") ^ codes("en") == frozenset()


def test_both_languages_use_the_same_values() -> None:
    """A value named in one language and not in the other is a mistake in one of them."""
    russian, english = _forms("ru"), _forms("en")
    assert {
        code: (russian[code], english[code])
        for code in russian
        if set().union(*map(_fields, russian[code])) != set().union(*map(_fields, english[code]))
    } == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_tone(language: str) -> None:
    """No exclamation marks; in Russian «вы» without a capital inside a sentence."""
    loud = [form for forms in _forms(language).values() for form in forms if "!" in form]
    assert loud == []
    if language == "ru":
        capital = re.compile(r"[а-яё,] (Вы|Вас|Вам|Ваш\w*)\b")
        assert [form for forms in _forms("ru").values() for form in forms if capital.search(form)] == []


@pytest.mark.parametrize(
    ("n", "form"),
    [(0, "many"), (1, "one"), (2, "few"), (5, "many"), (11, "many"), (12, "many"), (21, "one"), (104, "few")],
)
def test_russian_plurals(n: int, form: str) -> None:
    """The CLDR rules for whole numbers."""
    assert plural(n, "ru") == form


def test_plural_sentences() -> None:
    """`n` chooses the form."""
    assert text("channels.posts", "ru", n=22) == "22 поста"
    assert text("channels.posts", "en", n=1) == "1 post"


def test_any_language_code_finds_a_language() -> None:
    """Telegram sends "ru-RU", "de" or nothing."""
    assert [language_of(code) for code in ("ru-RU", "RU", "de", "", None)] == ["ru", "ru", "en", "en", "en"]
