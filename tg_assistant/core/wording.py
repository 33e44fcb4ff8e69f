"""A question taken apart: its words, the kind of answer asked for, how far a text covers it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tg_assistant.core import languages
from tg_assistant.infra.runtime import Runtime

_STOP_WORDS = """
а без более больше будет будто бы был была были было быть в вам вас вдруг ведь весь во вот все всегда
всего всех вы где да даже два для до другой его ее если есть еще ж же за здесь и из или им иногда их к как
какая какие каких какого какое какой каком какую кем когда кого кому которая которые который кто куда ли
либо лучше между меня мне много можно мой моя мы на над надо наконец нам нас наш не него нее ней нет ни
нибудь никогда ним них ничего но ну о об один он она они оно опять от откуда перед по под после потом
потому почему почем почём при про раз с сам свое своей своих свой свою себе себя сейчас сколько со стал
также там те тебя тем теперь то тогда того тоже той только том тот ту тут ты у уж уже хоть чего чей чем
через что чтоб чтобы чуть чья эта эти этим этих это этого этой этом этот эту я a about after all am an and
any are as at be been before being but by can could did do does doing for from had has have having he her
here his how i if in into is it its itself just long many me more most much my no nor not now of off on
once only or other our out over own s same she should so some such t than that the their them then there
these they this those through to too under until up us very was we were what when where which while who
whom whose why will with would you your
"""
_STOP = frozenset(_STOP_WORDS.split())
_WORD = re.compile(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+\b|\w+(?:[-.,]\d+)*")  # «1 950» is one number
# Between words of one or two languages: unrelated ones are under the first 95 times of 100.
_UNRELATED, _SAME = 0.15, 0.6

_MONEY = "|".join(
    [
        r"[₽$€£¥]",
        r"\b(руб|коп(ее|\b)|тыс|млн|млрд|евро\b|доллар|бесплатн|даром)",
        r"\b(free|dollar|rub|usd|eur)",
    ]
)
_NUMBER = "|".join(
    [
        r"\d",
        r"\b(один|одн[аоу]|дв[аеу]|три|четыр|пят|шест|сем[ьи]|восем|девят|десят|сто|ноль|половин|полтор)",
        r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|twice|none)\b",
        r"\b(hundred|thousand|million|billion)",
    ]
)
_TIME = "|".join(
    [
        r"\d",
        r"\b(понедельник|вторник|сред[аеуы]|четверг|пятниц|суббот|воскресен)",
        r"\b(январ|феврал|март|апрел|ма[йея]\b|июн|июл|август|сентябр|октябр|ноябр|декабр)",
        r"\b(сегодня|завтра|вчера|утр|вечер|ноч|полдень|весн|лет[оа]|осен|зим|недел|месяц)",
        r"\b(mon|tues|wednes|thurs|fri|satur|sun)day",
        r"\b(january|february|march|april|may|june|july|august|september|october|november|december)\b",
        r"\b(today|tomorrow|yesterday|morning|evening|night|noon|spring|summer|autumn|winter|week|month)",
    ]
)
_PEOPLE = (
    r"\d\s*(человек|людей|зрител|болельщик|участник|посетител|гост|жител|people|visitors|spectators|guests)"
)
_NAME = r"(?<![.!?…\n] )(?<!^)(?<!\n)[A-ZА-ЯЁ«\"@][\w»\"]"
_WHEN = r"\b(во сколько|с какого часа|до какого (часа|числа|месяца)|в какое время|когда|what time|when)\b"
# A fare is not called a journey where it stands: «сколько стоит доехать» is answered by «билет 156 ₽».
_HOW_DEAR = "|".join(
    [
        r"\bсколько (будет )?(стоит|стоят|стоил[аои]?)( (доехать|добраться|долететь)\b)?",
        r"\b(поч[её]м|цен[аеуы]\b|за какие деньги|cost( to (get|travel)\b)?|price)",
    ]
)
_HOW_MANY = r"\b(сколько|скольких|how (many|much|long|heavy|tall|far|old|big|large|high|often|fast|deep))\b"
_CAME = r"( (было|пришло|приехало|собралось|побывало)| (came|attended|were there))?"
_HOW_MANY_PEOPLE = rf"\b(сколько (было )?(народ[ау]?|человек|людей)|how many people){_CAME}\b"
_WHO = r"\b(кто|кого|кому|кем|чей|чья|чьё|who|whom|whose)\b"
# What a question asks for, what an answer to it must show, and what this counts for the words that ask: a sum
# may be the price of something else, «6 112 зрителей» is what «сколько народу пришло» means. First match.
_KINDS = [
    (_WHEN, _TIME, 0.6),
    (_HOW_DEAR, _MONEY, 0.6),
    (_HOW_MANY_PEOPLE, _PEOPLE, 1.0),
    (_HOW_MANY, _NUMBER, 0.6),
    (_WHO, _NAME, 0.6),
]


@dataclass(frozen=True)
class Question:
    """A question taken apart. `weights` say how much each word of `words` matters; they add up to one."""

    words: list[str]
    weights: np.ndarray
    vectors: np.ndarray
    expects: re.Pattern[str] | None
    asking: np.ndarray  # what a word that only asks («стоит») counts where the text fits; else 0

    def fits(self, text: str) -> bool:
        """Whether the text shows the kind of thing asked for: a sum, a number, a time, a name."""
        return self.expects is None or self.expects.search(text) is not None

    def coverage(self, words: list[str], vectors: np.ndarray, *, fits: bool) -> np.ndarray:
        """For each word of the question 0…1: how near the nearest of `words` comes to it."""
        if not words:
            return np.zeros(len(self.words))
        nearest = (self.vectors @ vectors.T).max(axis=1)
        soft = np.clip((nearest - _UNRELATED) / (_SAME - _UNRELATED), 0, 1)
        soft[[any(map(str.isdigit, word)) for word in self.words]] = 0  # "Pavo 4" is not "Pavo 5"
        stems = {stem(word) for word in words}
        same = np.array([stem(word) in stems for word in self.words])
        return np.where(same, 1.0, np.maximum(soft, self.asking * fits))


async def take_apart(rt: Runtime, text: str, rarity: Mapping[str, float]) -> Question:
    """`rarity` is that of the words among the posts that may be read; a word found nowhere weighs most."""
    words = list(dict.fromkeys(content_words(text))) or ["?"]
    top = max(rarity.values(), default=1.0)
    weights = np.array([max(rarity.get(stem(word), top), 0.1) for word in words])
    weights[0] *= 2  # what is asked for comes first: «кто архитектор…», "how many megapixels…"
    asked, pattern, shown = _kind(text)
    asking = np.array([shown * (word in asked) for word in words])
    vectors = await languages.comparable_words(rt, words)
    return Question(words, weights / weights.sum(), vectors, pattern, asking)


def _kind(text: str) -> tuple[set[str], re.Pattern[str] | None, float]:
    """The words that ask, what an answer shows, and what that counts for them."""
    for asks, shows, worth in _KINDS:
        if found := re.search(asks, text.lower()):
            pattern = re.compile(shows, 0 if shows == _NAME else re.IGNORECASE)
            return set(content_words(found.group())), pattern, worth
    return set(), None, 0.0


def content_words(text: str) -> list[str]:
    """Words and numbers in lower case, without those that only hold a sentence together."""
    found = (word.lower() for word in _WORD.findall(text))
    return [word for word in found if word.replace("ё", "е") not in _STOP and word not in _STOP]


@cache
def _stemmers() -> tuple[Any, Any]:
    import snowballstemmer

    return snowballstemmer.stemmer("russian"), snowballstemmer.stemmer("english")


def stem(word: str) -> str:
    """As PostgreSQL's `russian` configuration stems it: Cyrillic as Russian, the rest as English."""
    plain = word.lower().replace("ё", "е")
    russian, english = _stemmers()
    return (russian if re.search("[а-я]", plain) else english).stemWord(plain)
