"""Texts that make careless code slow: runs, alternations, near-matches, words all alike or all different."""

import random
import re
from collections.abc import Callable, Iterator
from re import _constants as op
from re import _parser as parser
from typing import Any

POST, QUESTION = 4_096, 4_000  # characters that Telegram, and we, allow
_RUNS = [
    *"aаЯ1 \n.!…-—_*\"'«»[](){}@#/\\:;,&<>%+=|~?0🎉❗\u200d\u0301\ufdfd\u202e中",
    *(
        "a ",
        "а ",
        "Я ",
        "1 ",
        "111 ",
        "1.",
        "1,",
        "1, ",
        "a.",
        "А. ",
        "А.Б. ",
        "! ",
        "!» ",
        "!🎉 ",
        "🎉 ",
        "🎉\n",
    ),
    *(
        "a-",
        "a_",
        "-a ",
        "[1]",
        "[1,",
        "[1, ",
        "[ 1 , ",
        "«a",
        '"a',
        "“a ",
        "://a:",
        "-eyJ",
        "token=",
        "т. ",
        "ул. ",
    ),
    *(
        "1 000 ",
        "12 345 67",
        "&#1;",
        "<b>",
        "<!--",
        "http://a.b/ ",
        "@name ",
        "#тег ",
        "а\u0301",
        "! — ",
        "? ",
        "?!…",
    ),
    *(
        "сколько ",
        "how many ",
        "в какое ",
        "a\n",
        "\n\n",
        " \n",
        "• ",
        "1) ",
        "г. ",
        "5 кг. ",
        "https://t.me/",
        "%41",
    ),
    *("\\n", "'", "DETAIL: ", "€1 ", "«»", "❗\ufe0f", "👨\u200d👩\u200d👧", "в\u200d", "ß", "İ", "ﬁ"),
]
_LATIN, _CYRILLIC = "abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюя"


def texts(length: int) -> Iterator[tuple[str, str]]:
    """A name for a test's message, and a text of `length` characters."""
    for run in _RUNS:
        body = run * (length // len(run) + 1)
        yield f"{run!r}…", body[:length]
        yield f"{run!r}… x", f"{body[: length - 2]} x"
        yield f"Ура! {run!r}…x", f"Ура! {body[: length - 6]}x"
    for name, alphabet, begins in (
        ("Latin words", _LATIN, ""),
        ("Cyrillic words", _CYRILLIC, ""),
        ("words that begin alike", _CYRILLIC, "ветр"),
        ("digits", "0123456789", ""),
        ("short words", _CYRILLIC[:8], ""),
    ):
        yield name, _words(alphabet, begins, length)
    yield "any characters", "".join(random.Random(5).choice(_ANY) for _ in range(length))


_ANY = [chr(point) for point in range(0x20, 0x3000) if chr(point).isprintable()] + ["🎉", "\u0301", "\u200d"]


def _words(alphabet: str, begins: str, length: int) -> str:
    """All different."""
    rng, said = random.Random(length), dict[str, None]()
    size = 0
    while size < length:
        word = begins + "".join(rng.choice(alphabet) for _ in range(rng.randint(3, 8)))
        size += 0 if word in said else len(word) + 1
        said[word] = None
    return " ".join(said)[:length]


# ── From an expression itself ────────────────────────────────────────────────


def near_matches(pattern: re.Pattern[str], length: int) -> Iterator[str]:
    """For each repeat of the expression a long run of what it repeats, and what almost fits over and over."""
    tree = parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
    whole = _sample(tree)
    bodies = {_sample(body) for body in _repeats(tree)} | {whole, whole[:-1], whole[1:]}
    bodies |= {one + other for one in bodies for other in (" ", ".", "a", whole[:1])}
    for body in sorted(filter(None, bodies)):
        run = body * (length // len(body) + 1)
        for before in ("", whole[:3]):
            for after in ("", "x", " ", "!", "\n"):
                yield before + run[: length - len(before) - len(after)] + after


def _repeats(tree: Any) -> Iterator[Any]:
    for kind, value in tree:
        for inside in _inside(kind, value):
            yield from _repeats(inside)
        if kind in _REPEATS:
            yield value[2]


_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


def _inside(kind: Any, value: Any) -> list[Any]:
    if kind in _REPEATS:
        return [value[2]]
    if kind is op.SUBPATTERN:
        return [value[3]]
    if kind is op.BRANCH:
        return list(value[1])
    if kind in (op.ASSERT, op.ASSERT_NOT):
        return [value[1]]
    return [value] if kind is op.ATOMIC_GROUP else []


def _sample(tree: Any) -> str:
    """A text the tree matches, as far as its own characters say."""
    return "".join(_SAMPLES.get(kind, lambda _: "")(value) for kind, value in tree)


def _in(options: Any) -> str:
    (first, *_) = options
    if first[0] is not op.NEGATE:
        return _one(first)
    refused = {_one(option) for option in options[1:]}
    return next(one for one in "aа1 .x" if one not in refused)


def _one(option: Any) -> str:
    kind, value = option
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.RANGE:
        return chr(value[0])
    return {op.CATEGORY_SPACE: " ", op.CATEGORY_DIGIT: "1", op.CATEGORY_NOT_WORD: "."}.get(value, "a")


_SAMPLES: dict[Any, Callable[[Any], str]] = {
    op.LITERAL: chr,
    op.NOT_LITERAL: lambda value: "b" if value == ord("a") else "a",
    op.ANY: lambda _: "a",
    op.IN: _in,
    op.BRANCH: lambda value: _sample(value[1][0]),
    op.SUBPATTERN: lambda value: _sample(value[3]),
    op.ATOMIC_GROUP: _sample,
    **dict.fromkeys(_REPEATS, lambda value: _sample(value[2]) * max(1, value[0])),
}
