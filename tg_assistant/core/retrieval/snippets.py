"""Extracts of posts with the words of a search marked: as pieces of text, never as markup."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tg_assistant.core.understanding.words import content_words, stem

LENGTH = 280  # characters of an extract
_BEFORE = 60  # characters shown before the first marked word
_WORD, _SPACE = re.compile(r"\w+"), re.compile(r"\s")
_ALIKE = 3  # a stem starts with at least this many first letters of its word, or is a shorter word


@dataclass(frozen=True)
class Piece:
    """A part of the post's text; `match` if it is a word that was searched for."""

    text: str
    match: bool = False


def extract(text: str, query: str) -> list[Piece]:
    """Return about `LENGTH` characters with the most distinct words of the query, or the post's start."""
    # stop words count only in a query that has no others
    words = _WORD.findall(" ".join(content_words(query))) or _WORD.findall(query)
    found = list(_matches(text, {stem(word) for word in words}))
    start, end = _window(text, found)
    inside = [(low, high) for low, high, _ in found if start <= low and high <= end]
    edges = [start, *(edge for span in inside for edge in span), end]
    marked = set(inside)
    pieces = [Piece(text[low:high], (low, high) in marked) for low, high in pairwise(edges) if low < high]
    before, after = [Piece("…")] * (start > 0), [Piece("…")] * (end < len(text))
    return [*before, *pieces, *after]


def _matches(text: str, stems: set[str]) -> Iterator[tuple[int, int, str]]:
    beginnings = {each[:_ALIKE] for each in stems}
    for word in _WORD.finditer(text):
        plain = word.group().lower().replace("ё", "е")
        # stemming is slow, so only words with the same beginning are stemmed
        if plain[:_ALIKE] in beginnings and (found := stem(plain)) in stems:
            yield word.start(), word.end(), found


def _window(text: str, found: list[tuple[int, int, str]]) -> tuple[int, int]:
    if len(text) <= LENGTH:
        return 0, len(text)
    start = _densest(found)
    if start and (near := _SPACE.search(text, start, start + _BEFORE // 2)):
        start = near.end()  # start at a word
    end = min(len(text), start + LENGTH)
    if end == len(text):
        return start, end
    space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
    return start, space if space > end - LENGTH // 4 else end


def _densest(found: list[tuple[int, int, str]]) -> int:
    """Return the start of the extract with the most distinct words, by a sliding window over the matches."""
    best, most, inside = 0, 0, Counter[str]()
    ahead = 0
    for at, (low, _, first) in enumerate(found):
        while ahead < len(found) and found[ahead][1] <= low + LENGTH - _BEFORE:
            inside[found[ahead][2]] += 1
            ahead += 1
        if len(inside) > most:
            best, most = max(0, low - _BEFORE), len(inside)
        if ahead > at:
            inside[first] -= 1
            if not inside[first]:
                del inside[first]
        ahead = max(ahead, at + 1)
    return best
