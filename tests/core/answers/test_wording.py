"""What a question asks and which words of it count."""

import numpy as np
import pytest

from tg_assistant.core.answers import wording
from tg_assistant.core.retrieval import cross_lingual


@pytest.mark.parametrize(
    ("asked", "shown", "missing"),
    [
        ("Сколько стоит доехать до Кременья?", "билет 156 ₽", "в пути 52 минуты"),
        ("Сколько народу пришло на игру?", "6 112 зрителей", "матч в 18:30"),
        ("How much does it cost to get there?", "$3.40 a month", "two hours"),
        ("Кого выбрали чинить крышу?", "Выбрали ООО «Кровля и сын»", "Выбрали подрядчика"),
        ("Отчего погас свет?", "Причина – куница", "Без света 11 тысяч человек"),
        ("Какого возраста Лагутин?", "Лагутину 18 лет", "Лагутин забил на 94-й"),
        ("Как зовут кота в «Якоре»?", "кота зовут Корректор", "кот живёт в «Якоре»"),
        ("Who runs the Dry Dock?", "It is run by Alia", "We meet at the Dry Dock"),
        ("Сколько лет дому 14?", "дому 60 лет", "Сколько лет дому 14?"),
    ],
)
async def test_a_question_knows_what_an_answer_shows(rt, asked: str, shown: str, missing: str):
    """A sum, a count of people, a name: what fits the question and what does not."""
    question = await wording.take_apart(rt, asked, {})
    assert question.fits(shown)
    assert not question.fits(missing)


async def test_another_number_does_not_cover_the_one_asked_for(rt):
    """Numbers lie near one another in meaning and still are different things."""
    question = await wording.take_apart(rt, "What about Pavo 5?", {})
    other = await wording.take_apart(rt, "What about Pavo 4?", {})
    covered = question.coverage(question.nearness(other.words, other.vectors), fits=True)
    assert np.array_equal(covered[[question.words.index("pavo"), question.words.index("5")]], [1, 0])


@pytest.mark.parametrize(
    ("asked", "counted", "chosen"),
    [
        ("Сколько этажей в здании?", "этажей", None),
        ("Во сколько закрывается рынок?", None, None),
        ("Почём лицензия на Orrery?", None, "лицензия"),
        ("Which firmware closes the hole?", None, "firmware"),
    ],
)
async def test_what_is_counted_priced_or_chosen_is_known(rt, asked: str, counted, chosen):
    """It stands right behind the words that ask; a post that answers has to say it."""
    question = await wording.take_apart(rt, asked, {})
    said = [None if at is None else question.words[at] for at in (question.counted, question.chosen)]
    assert said == [counted, chosen]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ветрова", "vetrov", True),
        ("макс", "max", True),
        ("кременья", "kremenye", True),
        ("лумск", "lumna", False),
        ("ветрова", "ветров", False),
    ],
)
def test_a_name_is_one_in_both_alphabets(one: str, other: str, same: bool):
    """Inflected or not; within one alphabet stems decide."""
    assert cross_lingual.Spellings(["мост", one]).of(other) == ({1} if same else set())
    assert cross_lingual.Spellings([other, "bridge"]).of(one) == ({0} if same else set())
