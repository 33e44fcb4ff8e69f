"""Long texts as several messages: cut at sentence ends, never inside a citation or a link."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tg_assistant.core.understanding.sentence_split import spans

LIMIT = 4096  # https://core.telegram.org/bots/api#sendmessage, after entities are parsed
_CITATION_TAIL = re.compile(r"\[[\d, ]*$")


@dataclass(frozen=True)
class Block:
    """Something that stays whole: its HTML, and its length as Telegram counts it."""

    html: str
    length: int
    gap: str = "\n"  # what separates it from the block before, within one message


def units(text: str) -> int:
    """Telegram counts UTF-16 units: an emoji is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = LIMIT) -> list[str]:
    """Pieces of at most `limit` units, in order; only spaces at the cuts are lost."""
    pieces: list[str] = []
    start: int | None = None
    end = 0
    for low, high in _parts(text, limit):
        if start is None:
            start = low
        elif units(text[start:high]) > limit:
            pieces.append(text[start:end])
            start = low
        end = high
    return pieces if start is None else [*pieces, text[start:end]]


def _parts(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Sentences, those longer than `limit` cut at spaces or, without any, where they must be."""
    for low, high in spans(text):
        at = low
        while units(text[at:high]) > limit:
            cut = _cut(text, at, high, limit)
            yield at, cut
            at = cut + len(text[cut:high]) - len(text[cut:high].lstrip())
        if at < high:
            yield at, high


def _cut(text: str, low: int, high: int, limit: int) -> int:
    """Where a piece from `low` ends: as far as `limit` allows, at a space, outside a citation."""
    end = low
    used = 0
    while end < high and used + units(text[end]) <= limit:
        used += units(text[end])
        end += 1
    if (citation := _CITATION_TAIL.search(text, max(low, end - 20), end)) and citation.start() > low:
        end = citation.start()
    space = max(text.rfind(" ", low + 1, end), text.rfind("\n", low + 1, end))
    return space if space > low + (end - low) // 2 else end


def pack(blocks: Iterable[Block], limit: int = LIMIT) -> list[str]:
    """Messages of whole blocks, as few as the order allows."""
    messages: list[str] = []
    used = 0
    for block in blocks:
        gap = units(block.gap)
        if messages and used + gap + block.length <= limit:
            messages[-1] += block.gap + block.html
            used += gap + block.length
        else:
            messages.append(block.html)
            used = block.length
    return messages
