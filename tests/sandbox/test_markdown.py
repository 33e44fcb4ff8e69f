"""Markdown that was made from entities becomes them again; what only looks like it stays text."""

from __future__ import annotations

import gzip
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox import markdown
from sandbox.bot_api.markup import utf16_length

DATA = Path(os.environ.get("EVAL_DATA_DIR", "../shared/data")) / "telegram_posts_ru.jsonl.gz"


@pytest.mark.parametrize(
    ("text", "plain", "entities"),
    [
        ("**a** __b__ ~~c~~ ||d||", "a b c d", ["bold:a", "italic:b", "strikethrough:c", "spoiler:d"]),
        ("`x**y` ```\nz[1](http://u)```", "x**y \nz[1](http://u)", ["code:x**y", "pre:\nz[1](http://u)"]),
        ("**a [b](https://e.org/x__y~~z) c**", "a b c", ["bold:a b c", "text_link:b"]),
        ("**~~Гослин~~г**", "Гослинг", ["bold:Гослинг", "strikethrough:Гослин"]),
        ("[[A] b](https://e.org)", "[A] b", ["text_link:[A] b"]),
        ("💩**💩**** Что?**", "💩💩 Что?", ["bold:💩", "bold: Что?"]),
        ('пи***ас, **"пиз**ц"**', 'пи***ас, "пиз**ц"', ['bold:"пиз**ц"']),
        ("use __init__ and a_b, [x] (y)", "use __init__ and a_b, [x] (y)", []),
        ("[click](javascript:alert) `open", "[click](javascript:alert) `open", []),
    ],
)
def test_marks_become_entities(text: str, plain: str, entities: list[str]) -> None:
    """Each with the words it is about; marks without a pair, in code, names and masked words are text."""
    got, found = markdown.parse(text)
    encoded = got.encode("utf-16-le")
    told = [
        f"{e['type']}:{encoded[2 * e['offset'] : 2 * (e['offset'] + e['length'])].decode('utf-16-le')}"
        for e in found
    ]
    assert (got, told) == (plain, entities)


@given(
    st.lists(st.sampled_from(["**", "__", "~~", "||", "`", "```", "[", "]", "](http://a.b)", "a", "😀", " "]))
)
def test_any_mixture_gives_entities_inside_the_text(pieces: list[str]) -> None:
    """Nothing but marks is lost, and no entity reaches beyond the text."""
    text, entities = markdown.parse("".join(pieces))
    assert all(0 <= e["offset"] < e["offset"] + e["length"] <= utf16_length(text) for e in entities)
    assert text.count("😀") == pieces.count("😀")


@pytest.mark.parametrize(
    "piece", ["**", "[", "](http://a", "`", "__a", "~~[**", "[](http://a)", "***a", "```|"]
)
def test_time_is_linear(piece: str) -> None:
    """A hundred thousand marks without sense take less than two seconds."""
    began = time.process_time()
    markdown.parse(piece * (100_000 // len(piece)))
    assert time.process_time() - began < 2


def test_real_posts_show_no_stray_marks() -> None:
    """Outside code no link is left in Markdown and nothing struck out; asterisks are left in masked words."""
    if not DATA.exists():
        pytest.skip(f"{DATA} is missing")
    with gzip.open(DATA, "rt") as lines:
        parsed = [markdown.parse(json.loads(line)["text"]) for line in lines]
    shown = [_without_code(text, entities) for text, entities in parsed]
    stray = [text for text in shown if re.search(r"\*\*|~~|\]\(http", text)]
    assert len(shown) > 18_000
    assert len([text for text in stray if not re.search(r"\w\*\*+\w", text)]) <= 5
    assert not [text for text in stray if "](http" in text or "~~" in text]


def _without_code(text: str, entities: list[dict[str, Any]]) -> str:
    encoded = text.encode("utf-16-le")
    for each in reversed(entities):
        if each["type"] in ("code", "pre"):
            encoded = encoded[: 2 * each["offset"]] + encoded[2 * (each["offset"] + each["length"]) :]
    return encoded.decode("utf-16-le")
