"""Splitting long answers: nothing lost, nothing cut in two, every message short enough."""

import re
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answer import messages
from bot.messages import Block, pack, split, units
from tg_assistant.core.answers.answers import Done, Source

WORDS = st.text(alphabet="abвг.!? \n[]12,😀<&>_\u0301", max_size=400)


def bare(text):
    return re.sub(r"\s", "", text)


@given(WORDS, st.integers(min_value=12, max_value=90))
def test_pieces_are_the_text(text, limit):
    """Whatever the text, the pieces hold it whole, in order, each within the limit and none empty."""
    pieces = split(text, limit)
    assert bare("".join(pieces)) == bare(text)
    assert all(piece.strip() and units(piece) <= limit for piece in pieces)


SENTENCE = st.integers(min_value=1, max_value=90).map(lambda n: f"A{'b' * n} [3].")


@given(st.lists(SENTENCE, min_size=1, max_size=20))
def test_cuts_are_at_sentence_ends(sentences):
    """Sentences that fit stay whole."""
    pieces = split(" ".join(sentences), 120)
    assert all(piece.endswith(".") for piece in pieces)


@given(st.integers(min_value=0, max_value=40))
def test_a_citation_is_never_cut(shift):
    """A text without spaces is cut where it must be, but not inside [12]."""
    text = "x" * shift + "yyyy[12]" * 40
    pieces = split(text, 50)
    assert sum(piece.count("[12]") for piece in pieces) == 40


@given(st.lists(st.integers(min_value=1, max_value=40), min_size=1))
def test_blocks_stay_whole(lengths):
    """Packing keeps the order and cuts no block."""
    packed = pack([Block("x" * n, n) for n in lengths], 40)
    assert [len(part) for message in packed for part in message.split("\n")] == lengths
    assert all(len(message) <= 40 for message in packed)


def source(n, title="Max <boat> & co"):
    when = datetime(2026, 11, 3, tzinfo=UTC)
    return Source(n, uuid4(), uuid4(), title, when, f"https://t.me/boat/{n}?a=1&b=2", "quote", 1.0)


def done(answer, sources, *, abstained=False, degraded=()):
    return Done(uuid4(), answer, sources, abstained, 0.5, list(degraded))


def test_an_answer_with_links():
    """Citations of given sources become links, others stay text; markup of posts is shown, not obeyed."""
    [html] = messages(done("Tea <b>at</b> 5 [1], or [2, 7].", [source(1), source(2)]), "en")
    assert '[<a href="https://t.me/boat/1?a=1&amp;b=2">1</a>]' in html
    assert '<a href="https://t.me/boat/2?a=1&amp;b=2">2</a>, 7]' in html
    assert "&lt;b&gt;at&lt;/b&gt;" in html
    assert "Max &lt;boat&gt; &amp; co</a>, 3 Nov 2026" in html


@pytest.mark.parametrize("language", ["ru", "en"])
def test_what_was_away_is_said(language):
    """An answer made without vectors or without the model says so at its end."""
    [html] = messages(done("Tea at 5 [1].", [source(1)], degraded=["meaning", "model"]), language)
    assert html.count("<i>") == 2 and html.endswith("</i>")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_nothing_found_is_said(language):
    """An abstention is one honest message without sources."""
    [html] = messages(done("", [], abstained=True), language)
    assert "/add" in html


@given(st.text(alphabet="ab .[1]<&>😀\n", max_size=9000), st.integers(min_value=1, max_value=10))
def test_every_message_is_valid(answer, count):
    """Balanced HTML of at most 4096 units in each message, whatever the answer says."""
    for html in messages(done(answer, [source(n + 1) for n in range(count)]), "ru"):
        checker = Balanced()
        checker.feed(html)
        assert not checker.open and html.strip()
        assert units(unescape(re.sub(r"<[^>]*>", "", html))) <= 4096


class Balanced(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert tag in {"a", "b", "i"}
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
