"""Content words of Russian and English texts, and their stems."""

import re
from functools import cache, lru_cache
from typing import Any

_STOP_WORDS = """
а без более больше будет будто бы был была были было быть в вам вас вдруг ведь весь во вот все всегда
всего всех вы где да даже два для до другой его ее если есть еще ж же за зачем здесь и из или им иногда
их к как какая какие каких какого какое какой каком какую кем когда кого кому которая которого которое
которой которую которые который кто куда ли либо лучше между меня мне много можно мой моя мы на над надо
наконец нам нас наш не него нее ней нет ни нибудь никогда ним них ничего но ну о об один он она они оно
опять от отчего откуда перед по под после потом потому почему почем почём при про раз с сам свое своей
своих свой свою себе себя сейчас сколько со стал также там те тебя тем теперь то тогда того тоже той
только том тот ту тут ты у уж уже хоть чего чей чем через что чтоб чтобы чуть чья эта эти этим этих это
этого этой этом этот эту я a about after all am an and any are as at be been before being but by can
could did do does doing for from had has have having he her here his how i if in into is it its itself
just long many me more most much must my no nor not now of off on once only or other our out over own s
same shall she should so some such t than that the their them then there these they this those through to
too under until up us very was we were what when where which while who whom whose why will with would you
your
"""
_STOP = frozenset(_STOP_WORDS.split())
# «1 950», 2.0 and 3,40 are one number each; «Тарн-19» is a name and a number.
WORD = re.compile(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+\b|\d+(?:[.,]\d+)*(?!\w)|\w+")
_LONGEST_WORD = 64  # letters; longer ones are URLs or noise and are not stemmed
_RUSSIAN = re.compile("[а-я]")


def content_words(text: str) -> list[str]:
    """Return words and numbers in lower case, without stop words."""
    found = (word.lower() for word in WORD.findall(text))
    return [word for word in found if word.replace("ё", "е") not in _STOP and word not in _STOP]


@cache
def _stemmers() -> tuple[Any, Any]:
    import Stemmer

    return Stemmer.Stemmer("russian"), Stemmer.Stemmer("english")


def stem(word: str) -> str:
    """Return the stem as PostgreSQL's `russian` configuration does: Russian if Cyrillic, else English."""
    plain = word.lower().replace("ё", "е")
    return plain if len(plain) > _LONGEST_WORD else _stem(plain)


@lru_cache(50_000)
def _stem(plain: str) -> str:
    russian, english = _stemmers()
    return (russian if _RUSSIAN.search(plain) else english).stemWord(plain)
