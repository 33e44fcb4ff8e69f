"""Splitting Russian and English posts into sentences, for quotes in answers and for cutting long posts.

Our own code, because posts also consist of lists, headings and emoji, and mix two languages.
"""

import re
from collections.abc import Iterator

# A dot after these does not end a sentence: a name or a number follows.
_OPEN_WORDS = """
ул пр просп пер пл наб бул ш д кв корп стр стр-е им проф акад св о ст гл рис табл п пп см ср тел факс напр
англ лат нем фр греч исп ит гр г-н г-жа г-да т.е т.к т.н т.ч и.о в.о обл р-н респ пос дер мкр
mr mrs ms dr prof st no vs e.g i.e fig sen gov gen col lt approx cf
"""
# After a number these are units, and a capital letter after their dot begins a sentence.
_UNIT_WORDS = "г гг в вв руб коп тыс млн млрд трлн чел мин сек ч км кг мм шт экз ст стр д кв п"
_OPEN = frozenset(_OPEN_WORDS.split())
_UNITS = frozenset(_UNIT_WORDS.split())
_EMOJI = "\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u2190-\u21ff"
# Possessive quantifiers throughout: without backtracking the time is linear in the text's length.
_MARKS = re.compile(r"([.!?…])[.!?…]*+[\"'»”’)\]*_]*+")
_TAIL = re.compile(rf"[\s{_EMOJI}]*+")
_START = re.compile(rf"[\s\"'«„“(\[*_{_EMOJI}]*+(?:[—–-]\s*+)?[A-ZА-ЯЁ0-9#@•]")
_WORD = re.compile(r"[\w.-]")
_LONGEST = 16  # characters searched backwards for an abbreviation or a unit's number
_NUMBERED = re.compile(r"(?:\d{1,3}|[a-zа-я])", re.IGNORECASE)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text in order, trimmed. A line break ends a sentence, too."""
    return [text[start:end] for start, end in spans(text)]


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each sentence, without the spaces around it."""
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
        whole = text[offset : offset + len(line) + 1]  # with its line break, which counts as a space
        indent = len(line) - len(line.lstrip())
        for match in _MARKS.finditer(whole):
            end = _after_emoji(whole, match.end())
            if end is None or not _START.match(whole, end):
                continue
            one_dot = match.group()[0] == "." and not match.group().startswith("..")
            if not one_dot or not _is_abbreviation(whole, match.start(), indent):
                yield offset + end
        offset += len(whole)
        # A line that starts in lower case continues the previous one; every other line break ends a sentence.
        if not text[offset : offset + 40].lstrip(" ")[:1].islower():
            yield offset


def _after_emoji(line: str, at: int) -> int | None:
    """Return where a sentence whose mark ends at `at` ends, with emoji after it; None if no space follows."""
    tail = _TAIL.match(line, at)
    shown = tail.group() if tail else ""
    if not shown or shown.isspace():
        return at if shown else None
    if not shown[-1].isspace():  # the last emoji belong to the next word, or end the text
        shown = shown[: -len(shown.split()[-1])]
    return at + len(shown.rstrip()) if shown else None


def _is_abbreviation(line: str, dot: int, indent: int) -> bool:
    """Return whether the dot belongs to the word before it: «ул», an initial, «1» of a list."""
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
