"""Long texts as several messages: split at sentence ends, never inside a citation or a link."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tg_assistant.core.understanding.sentence_split import spans

LIMIT = 4096  # https://core.telegram.org/bots/api#sendmessage, after entities are parsed
_CITATION_TAIL = re.compile(r"\[[\d, ]*$")


@dataclass(frozen=True)
class Block:
    """A part that is never split: its HTML, and its length as Telegram counts it."""

    html: str
    length: int
    gap: str = "\n"  # separates it from the previous block in the same message


def units(text: str) -> int:
    """The length of a text in UTF-16 code units, as Telegram counts: an emoji is two or more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int = LIMIT) -> list[str]:
    """Split into pieces of at most `limit` units, in order; only white space at the cuts is lost."""
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
    """Spans of sentences; those longer than `limit` are cut at spaces, or at the limit if there are none."""
    for low, high in spans(text):
        at = low
        while units(text[at:high]) > limit:
            cut = _cut(text, at, high, limit)
            yield at, cut
            at = cut + len(text[cut:high]) - len(text[cut:high].lstrip())
        if at < high:
            yield at, high


def _cut(text: str, low: int, high: int, limit: int) -> int:
    """The end of a piece from `low`: as far as `limit` allows, preferably at a space, outside a citation."""
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
    """Join whole blocks to messages of at most `limit` units, as few as their order allows."""
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
