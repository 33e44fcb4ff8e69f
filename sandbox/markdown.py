"""Markdown of loaded posts as text with entities, as the posts were before somebody exported them.

Telethon's form (https://docs.telethon.dev/en/stable/concepts/entities.html and its `markdown.unparse`), which
escapes nothing: a mark without its pair is left as text. Linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sandbox.bot_api.markup import utf16_length

PAIRS = {"**": "bold", "__": "italic", "~~": "strikethrough", "||": "spoiler"}
CODE = {"```": "pre", "`": "code"}
_NAMES = (
    "init|name|main|file|future|slots|dict|class|call|str|repr|new|del|enter|exit|iter|next|len|all|doc|hash|eq|lt|gt"
    "|getattr|getattribute|setattr|getitem|setitem|contains|pycache|version|module|bases|mro|import|builtins|add"
)
_TOKEN = re.compile(
    # Python's names, and words with letters masked by three or more asterisks, are no formatting
    rf"(?P<word>(?<!\w)__(?:{_NAMES})__(?!\w)|(?<=\w)\*{{3,}}+(?=\w))"
    r"|(?P<code>```|`)|(?P<pair>\*\*|__|~~|\|\|)|(?P<open>\[)"
    r"|\]\((?P<url>(?:https?://|tg://|mailto:)[^\s()]*+(?:\([^\s()]*+\)[^\s()]*+)*+)\)|(?P<shut>\])"
)


@dataclass
class _Mark:
    """A mark in the text, from `start` to `end`; `kind` is `open` and `shut` for brackets."""

    start: int
    end: int
    kind: str
    url: str | None = None


def parse(markdown: str) -> tuple[str, list[dict[str, Any]]]:
    """The text without marks, and its entities in the Bot API's form, in order."""
    found = sorted(_paired(markdown, list(_marks(markdown))), key=lambda pair: pair[0].start)
    marks = sorted((mark for pair in found for mark in pair), key=lambda mark: mark.start)
    pieces, place, offset, at = [], dict[int, int](), 0, 0
    for mark in marks:
        pieces.append(markdown[at : mark.start])
        offset += utf16_length(pieces[-1])
        place[mark.start] = offset
        at = mark.end
    text = "".join([*pieces, markdown[at:]])
    entities = [_entity(first, last, place) for first, last in found]
    return text, [each for each in entities if each["length"]]


def clipped(text: str, entities: list[dict[str, Any]], longest: int) -> tuple[str, list[dict[str, Any]]]:
    """At most `longest` characters, with what is left of the entities."""
    kept, end = text[:longest], utf16_length(text[:longest])
    inside = [each for each in entities if each["offset"] < end]
    return kept, [{**each, "length": min(each["length"], end - each["offset"])} for each in inside]


def _entity(first: _Mark, last: _Mark, place: dict[int, int]) -> dict[str, Any]:
    offset = place[first.start]
    shape = {"type": first.kind, "offset": offset, "length": place[last.start] - offset}
    return shape if last.url is None else {**shape, "type": "text_link", "url": last.url}


def _marks(markdown: str) -> Iterator[_Mark]:
    """The marks outside code; code is a pair that holds no marks."""
    at, lonely = 0, set[str]()
    while (token := _TOKEN.search(markdown, at)) is not None:
        at = token.end()
        if code := token["code"]:
            end = -1 if code in lonely else markdown.find(code, at)
            if end < 0:
                lonely.add(code)  # there is none further on either
                continue
            yield _Mark(token.start(), at, CODE[code])
            at = end + len(code)
            yield _Mark(end, at, CODE[code])
        elif token["pair"]:
            yield _Mark(token.start(), at, PAIRS[token["pair"]])
        elif not token["word"]:
            yield _Mark(token.start(), at, "open" if token["open"] else "shut", token["url"])


def _paired(markdown: str, marks: list[_Mark]) -> Iterator[tuple[_Mark, _Mark]]:
    for kind in (*PAIRS.values(), *CODE.values()):
        same = [mark for mark in marks if mark.kind == kind]
        if len(same) % 2:  # one without its pair: of a word with letters masked, or the last
            same.remove(next((mark for mark in same if _inside_word(markdown, mark)), same[-1]))
        yield from zip(same[::2], same[1::2], strict=True)
    yield from _links(marks)


def _links(marks: list[_Mark]) -> Iterator[tuple[_Mark, _Mark]]:
    brackets: list[_Mark] = []
    for mark in marks:
        if mark.kind == "open":
            brackets.append(mark)
        elif mark.kind == "shut" and brackets:
            first = brackets.pop()
            if mark.url:
                yield first, mark


def _inside_word(markdown: str, mark: _Mark) -> bool:
    return (
        markdown[max(0, mark.start - 1) : mark.start].isalnum()
        and markdown[mark.end : mark.end + 1].isalnum()
    )
