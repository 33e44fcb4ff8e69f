"""What a post says and how it is shown, whatever entities strangers send."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_assistant.core.posts import formatting
from tg_assistant.core.posts.formatting import JOINER, STRUCK
from tg_assistant.core.understanding.sentence_split import sentences

entity = st.builds(
    lambda kind, offset, length, url: {"kind": kind, "offset": offset, "length": length, "url": url},
    st.sampled_from([STRUCK, "bold", "spoiler", "text_link", "pre"]),
    st.integers(-3, 30),
    st.integers(-3, 30),
    st.sampled_from(["https://a.b", "javascript:x", "", "http://["]),
)


def over(text: str, words: str, kind: str = STRUCK, **facts: str) -> dict[str, Any]:
    """The entity over the first `words` in a text, as Telegram counts."""
    offset = len(text[: text.index(words)].encode("utf-16-le")) // 2
    return {"kind": kind, "offset": offset, "length": len(words.encode("utf-16-le")) // 2, **facts}


@pytest.mark.parametrize(
    ("text", "struck", "said"),
    [
        ("😀 цена ~ 100 руб., 90 сейчас", ["100 руб.,"], "😀 цена ~ 90 сейчас"),
        ("Гослинг", ["Гослин"], "г"),
        ("одинтридва", ["три"], "один два"),
        ("Цены вырастут на 50 000. Это неправда.", ["Цены вырастут на 50 000."], "Это неправда."),
        ("Всё неверно", ["Всё неверно"], ""),
        ("a\nb\nc", ["b"], "a\n\nc"),
        ("Первый, второй", ["второй"], "Первый, "),
    ],
)
def test_struck_out_words_are_not_said(text: str, struck: list[str], said: str):
    """What stays keeps its words apart, without double spaces."""
    assert formatting.said(text, [over(text, words) for words in struck]) == said


@given(st.text(alphabet="ab 😀\n", max_size=30), st.lists(entity, max_size=12))
def test_runs_joined_are_the_text(text: str, entities: list[dict[str, Any]]):
    """Any entities, also overlapping and beyond the text; what is said holds only letters of the text."""
    runs = formatting.runs(text, entities)
    assert "".join(run.text for run in runs) == text
    assert all(run.text for run in runs)
    assert {run.url for run in runs} <= {None, "https://a.b"}
    assert set(formatting.said(text, entities)) <= {*text, " "}
    assert "".join(run.text for block in formatting.blocks(text, entities) for run in block.runs) == text


def test_overlapping_entities_add_up():
    """Half bold, half struck: three pieces, the middle one both."""
    text = "abcdef"
    found = formatting.runs(text, [over(text, "abcd", "bold"), over(text, "cdef")])
    assert [(run.text, sorted(run.kinds)) for run in found] == [
        ("ab", ["bold"]),
        ("cd", ["bold", STRUCK]),
        ("ef", [STRUCK]),
    ]


def test_code_and_quotations_are_blocks():
    """A quotation with a bold word is one block."""
    text = "See: quoted bold end x = 1"
    inside = [
        over(text, "quoted bold end", "blockquote"),
        over(text, "bold", "bold"),
        over(text, "x = 1", "pre"),
    ]
    found = formatting.blocks(text, inside)
    assert [(block.kind, len(block.runs)) for block in found] == [
        ("text", 1),
        ("quote", 3),
        ("text", 1),
        ("pre", 1),
    ]


def test_a_part_is_one_sentence():
    """However many sentences a poll asks, none is quoted without the word that says it was asked."""
    part = 'Опрос: Цены вырастут? Или нет?! 😀 Да. Сайт example.org/a.b, "Так."\nНет'
    line = formatting.whole(part)
    assert len(sentences(part)) > 3
    assert sentences(f"Пост.\n{line}\nЕщё.") == ["Пост.", line, "Ещё."]
    assert "example.org/a.b" in line
    assert formatting.unjoined(line) == part.replace("\n", " ")
    assert JOINER in line


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("https://a.b", True),
        ("tg://resolve?domain=x", True),
        ("mailto:a@b.c", True),
        ("javascript:alert(1)", False),
        ("JAVASCRIPT:alert(1)", False),
        ("data:text/html,x", False),
        ("/relative", False),
        ("http://[", False),
        (" javascript:x", False),
    ],
)
def test_only_links_to_the_outside_open(url: str, opens: bool):
    """The schemes of a web page, of Telegram and of e-mail."""
    assert formatting.opens(url) is opens


def test_hosts_of_hidden_links():
    """Only those the text does not show, each once; what is no address has none."""
    links = [
        "https://www.habr.com/a",
        "https://habr.com/b",
        "http://example.org/x",
        "tg://x",
        "http://[",
        "mailto:a@b.c",
    ]
    assert formatting.hosts(links, "see Example.org") == "habr.com"


def test_ten_thousand_entities_take_a_moment():
    """Linear, although each overlaps all others."""
    text = "😀" * 10_000
    many = [
        {"kind": STRUCK, "offset": n, "length": 20_000 - 2 * n, "url": f"https://a.b/{n}"}
        for n in range(10_000)
    ]
    began = time.process_time()
    formatting.runs(text, many)
    assert formatting.said(text, many) == ""
    assert time.process_time() - began < 4
