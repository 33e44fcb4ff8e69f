"""Long posts are cut between sentences, short ones are left alone."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tg_assistant.core.retrieval.chunking import LIMIT, chunks


def test_a_short_post_is_one_piece_and_an_empty_one_none():
    """Emoji and punctuation alone give nothing to search for."""
    assert chunks("Открытие в 10:00.") == ["Открытие в 10:00."]
    assert chunks("") == chunks("🎉🎉 …") == []


def test_a_long_post_is_cut_between_sentences_with_one_repeated():
    """Each piece begins with the last sentence of the one before, so that nothing loses its neighbour."""
    post = " ".join(f"Это предложение номер {n} о ремонте моста через реку." for n in range(60))
    pieces = chunks(post)
    assert len(pieces) > 2
    for before, after in pairwise(pieces):
        assert len(before) <= LIMIT
        assert before.endswith(".")
        assert before.endswith(after[: after.index(".") + 1])


@given(st.text(alphabet="абв .!?\nABC1", max_size=600), st.integers(20, 80))
def test_no_piece_is_too_long_and_no_word_is_lost(text, limit):
    """Whatever the text, every character that is not a space stands in some piece, in order."""
    pieces = chunks(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    rest = iter("".join(pieces))
    if pieces:
        assert all(character in rest for character in text if not character.isspace())


def test_a_sentence_without_end_is_cut_at_spaces():
    """A wall of words, even without a space, is still cut to size."""
    assert all(len(piece) <= LIMIT for piece in chunks("слово " * 1_000))
    assert "".join(chunks("ы" * 2_000)) == "ы" * 2_000
