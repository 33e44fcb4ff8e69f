"""The formatting of a post: pieces of its text for showing, and what of it is said.

Entities are {kind, offset, length, url?, language?}: kinds as in the Bot API, offsets and lengths in UTF-16
code units, as Telegram counts (https://core.telegram.org/bots/api#messageentity). They are strangers' data:
any number, any order, overlapping, or beyond the text. All here takes linear time.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any, Literal
from urllib.parse import urlsplit

STRUCK = "strikethrough"
SCHEMES = ("http", "https", "tg", "mailto")  # of links that may be opened; others are shown as plain text
BLOCKS = {"pre": "pre", "blockquote": "quote", "expandable_blockquote": "quote"}
# Between the sentences of a part: invisible, and keeps `sentence_split` from quoting one without its origin.
JOINER = "\u2060"
_SENTENCE_END = re.compile(r"((?<![.!?…])[.!?…]++[\"'»”’)\]*_]*+)(?![\w/@])")
_HOST = re.compile(r"(?<![\w-])[\w-]++(?:\.[\w-]++)++")
Entity = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """A piece of text with one formatting. `url` is set only for a link that may be opened."""

    text: str
    kinds: frozenset[str] = frozenset()
    url: str | None = None


@dataclass(frozen=True)
class Block:
    """A paragraph of a kind: ordinary text, preformatted code, or a quotation."""

    kind: Literal["text", "pre", "quote"]
    runs: list[Run]


def runs(text: str, entities: Sequence[Entity] | None) -> list[Run]:
    """Return the text in pieces of one formatting each; joined, they are the text."""
    edges = sorted(_edges(text, entities or ()), key=lambda edge: edge[0])
    found: list[Run] = []
    active, urls = Counter[str](), dict[str, int]()
    at = 0
    for place, same in groupby(edges, key=lambda edge: edge[0]):
        if at < place:
            kinds = frozenset(kind for kind, count in active.items() if count)
            found.append(Run(text[at:place], kinds, next(reversed(urls), None)))
        at = place
        for _, step, kind, url in same:
            active[kind] += step
            if url is not None and (count := urls.pop(url, 0) + step):
                urls[url] = count
    return [*found, Run(text[at:])] if at < len(text) else found


def blocks(text: str, entities: Sequence[Entity] | None) -> list[Block]:
    """Return the text in paragraphs, so that code and quotations keep their form."""
    return [Block(kind, list(same)) for kind, same in groupby(runs(text, entities), key=_block)]


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of a text, with an ellipsis if that is not all of it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def said(text: str, entities: Sequence[Entity] | None) -> str:
    """Return the text without what is struck out; the words around it stay apart."""
    struck = [each for each in entities or () if each.get("kind") == STRUCK]
    if not struck:
        return text
    kept, gap = "", False
    for run in runs(text, struck):
        if not run.kinds:
            kept += _apart(kept[-1:], run.text) if gap else run.text
        gap = bool(run.kinds)
    return kept


def whole(part: str) -> str:
    """Return a part as one line which is quoted as a whole, with its origin at the beginning."""
    return _SENTENCE_END.sub(rf"\1{JOINER}", " ".join(part.split()))


def unjoined(text: str) -> str:
    """Return a text as it is shown, without `JOINER`."""
    return text.replace(JOINER, "")


def opens(url: str) -> bool:
    """Return whether a link may be opened: its scheme is one of SCHEMES."""
    try:
        return urlsplit(url).scheme in SCHEMES
    except ValueError:
        return False


def hosts(links: Iterable[str], shown: str) -> str:
    """Return the hosts of `links` that the text `shown` does not have in it, separated by spaces."""
    visible = {host.lower() for host in _HOST.findall(shown)}
    found = dict.fromkeys(host for link in links if (host := _host(link)))
    return " ".join(host for host in found if host not in visible)


def _host(link: str) -> str | None:
    try:
        name = urlsplit(link).hostname or ""
    except ValueError:
        return None
    return name.removeprefix("www.") if _HOST.fullmatch(name) else None


def _edges(text: str, entities: Iterable[Entity]) -> Iterator[tuple[int, int, str, str | None]]:
    """Yield (place, +1 or -1, kind, url) for both ends of each entity; places are indexes of `text`."""
    index = _from_utf16(text)
    last = len(index) - 1
    for each in entities:
        start, end = each["offset"], each["offset"] + each["length"]
        low, high = (index[max(0, min(place, last))] for place in (start, end))
        url = each.get("url")
        if low < high:
            link = url if url and opens(url) else None
            yield low, 1, each["kind"], link
            yield high, -1, each["kind"], link


def _from_utf16(text: str) -> Sequence[int]:
    """Return the index in `text` of each UTF-16 code unit, and of the end."""
    if text.isascii():
        return range(len(text) + 1)
    units = [2 if character > "\uffff" else 1 for character in text]
    starts = list(accumulate(units, initial=0))
    index = [0] * (starts[-1] + 1)
    for n, start in enumerate(starts):
        index[start] = n
        if n < len(units) and units[n] == 2:
            index[start + 1] = n  # half a character belongs to the whole one
    return index


def _apart(before: str, piece: str) -> str:
    """Return a piece that follows a gap: two words stay two, and of two spaces one is left."""
    if not before or before.isspace():
        return piece.lstrip(" \u00a0")
    return f" {piece}" if before.isalnum() and piece[:1].isalnum() else piece


def _block(run: Run) -> Literal["text", "pre", "quote"]:
    if "pre" in run.kinds:
        return "pre"
    return "quote" if run.kinds & BLOCKS.keys() else "text"
