"""Where sentences of Russian and English posts end: what an answer quotes and where a long post is cut.

Own code, because posts are lists, headings and emoji as much as sentences, in two languages at once.
"""

import re
from collections.abc import Iterator

# The dot after these ends no sentence: a name or a number follows.
_OPEN_WORDS = """
ул пр просп пер пл наб бул ш д кв корп стр стр-е им проф акад св о ст гл рис табл п пп см ср тел факс напр
англ лат нем фр греч исп ит гр г-н г-жа г-да т.е т.к т.н т.ч и.о в.о обл р-н респ пос дер мкр
mr mrs ms dr prof st no vs e.g i.e fig sen gov gen col lt approx cf
"""
# After a number these are units, and a capital letter behind them begins a sentence.
_UNIT_WORDS = "г гг в вв руб коп тыс млн млрд трлн чел мин сек ч км кг мм шт экз ст стр д кв п"
_OPEN = frozenset(_OPEN_WORDS.split())
_UNITS = frozenset(_UNIT_WORDS.split())
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u2190-\u21ff"
# Possessive throughout: what was taken is never given back, so a text is walked once, whatever it repeats.
_MARKS = re.compile(r"([.!?…])[.!?…]*+[\"'»”’)\]*_]*+")
_TAIL = re.compile(rf"[\s{_EMOJI}]*+")
_START = re.compile(rf"[\s\"'«„“(\[*_{_EMOJI}]*+(?:[—–-]\s*+)?[A-ZА-ЯЁ0-9#@•]")
_WORD = re.compile(r"[\w.-]")
_LONGEST = 16  # characters looked back for an abbreviation or a unit's number
_NUMBERED = re.compile(r"(?:\d{1,3}|[a-zа-я])", re.IGNORECASE)


def sentences(text: str) -> list[str]:
    """The sentences of a text in their order, spaces trimmed. A line of a post ends its sentence too."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, without the spaces around it."""
    begin = 0
    for end in (*_ends(text), len(text)):
        piece = text[begin:end]
        if stripped := piece.strip():
            start = begin + len(piece) - len(piece.lstrip())
            yield start, start + len(stripped)
        begin = end


def _ends(text: str) -> Iterator[int]:
    offset = 0
    for line in text.split("\n"):
        whole = text[offset : offset + len(line) + 1]  # with its line end, which is a space like others
        indent = len(line) - len(line.lstrip())
        for match in _MARKS.finditer(whole):
            end = _after_emoji(whole, match.end())
            if end is None or not _START.match(whole, end):
                continue
            one_dot = match.group()[0] == "." and not match.group().startswith("..")
            if not one_dot or not _is_abbreviation(whole, match.start(), indent):
                yield offset + end
        offset += len(whole)
        # A wrapped line goes on in lower case; every other line break of a post is meant.
        if not text[offset : offset + 40].lstrip(" ")[:1].islower():
            yield offset


def _after_emoji(line: str, at: int) -> int | None:
    """Where a sentence that is closed at `at` ends: behind the emoji after it, if a space follows."""
    tail = _TAIL.match(line, at)
    shown = tail.group() if tail else ""
    if not shown or shown.isspace():
        return at if shown else None
    if not shown[-1].isspace():  # the last emoji belong to the word that stands behind them, or end the text
        shown = shown[: -len(shown.split()[-1])]
    return at + len(shown.rstrip()) if shown else None


def _is_abbreviation(line: str, dot: int, indent: int) -> bool:
    """Whether the dot belongs to the word before it: «ул», an initial, «1» of a list."""
    if _NUMBERED.fullmatch(line, indent, dot):
        return True
    begin, farthest = dot, max(0, dot - _LONGEST)
    while begin > farthest and _WORD.match(line, begin - 1):
        begin -= 1
    word = line[begin:dot]
    plain = word.lower().strip(".")
    if plain in _UNITS and line[max(0, begin - _LONGEST) : begin].rstrip()[-1:].isdecimal():
        return False
    if len(word) == 1 and word.isalpha():
        return word.isupper() or plain in "гдпсвкоtвш"
    return plain in _OPEN
