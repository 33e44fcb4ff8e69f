"""Bent copies of something signed, by a seeded random: a failure names the string, and is made again."""

import random
from collections.abc import Callable, Iterator
from urllib.parse import quote, unquote

SEED = 20_261_122
_ALPHABET = 'abcXYZ019-_.~%&=+;,/?#{}[]":\\ \t\n\r\x00éЖ٣\u2028\ufeff𝟙'

Operator = Callable[[random.Random, str], str]


def _at(rng: random.Random, text: str) -> int:
    return rng.randrange(len(text)) if text else 0


def flip(rng: random.Random, text: str) -> str:
    """One bit of one byte."""
    place = _at(rng, text)
    return text[:place] + chr(ord(text[place]) ^ (1 << rng.randrange(8))) + text[place + 1 :] if text else "x"


def insert(rng: random.Random, text: str) -> str:
    place = _at(rng, text)
    return text[:place] + rng.choice(_ALPHABET) * rng.choice((1, 1, 1, 2, 40)) + text[place:]


def delete(rng: random.Random, text: str) -> str:
    place = _at(rng, text)
    return text[:place] + text[place + rng.choice((1, 1, 2, 8)) :]


def truncate(rng: random.Random, text: str) -> str:
    place = _at(rng, text)
    return text[:place] if rng.random() < 0.5 else text[place:]


def swap_characters(rng: random.Random, text: str) -> str:
    one, other = sorted((_at(rng, text), _at(rng, text)))
    return (
        text[:one] + text[other : other + 1] + text[one + 1 : other] + text[one : one + 1] + text[other + 1 :]
    )


def change_case(rng: random.Random, text: str) -> str:
    start = _at(rng, text)
    end = start + rng.choice((1, 3, 20))
    return text[:start] + text[start:end].swapcase() + text[end:]


def repeat(rng: random.Random, text: str) -> str:
    start = _at(rng, text)
    return text + text[start : start + rng.randrange(1, 60)]


def encode(rng: random.Random, text: str) -> str:
    """Percent-encode a part once more, or once less."""
    start = _at(rng, text)
    end = start + rng.choice((1, 5, 50))
    part = text[start:end]
    turned = quote(part, safe="") if rng.random() < 0.5 else unquote(part, errors="replace")
    return text[:start] + turned + text[end:]


def fields(separator: str) -> list[Operator]:
    """Operators on the parts between separators: lost, doubled, moved, with another's value."""

    def lose(rng: random.Random, text: str) -> str:
        parts = text.split(separator)
        parts.pop(rng.randrange(len(parts)))
        return separator.join(parts)

    def double(rng: random.Random, text: str) -> str:
        parts = text.split(separator)
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(parts))
        return separator.join(parts)

    def move(rng: random.Random, text: str) -> str:
        parts = text.split(separator)
        rng.shuffle(parts)
        return separator.join(parts)

    def mix(rng: random.Random, text: str) -> str:
        parts = text.split(separator)
        key = rng.choice(parts).partition("=")[0]
        value = rng.choice(parts).partition("=")[2]
        parts[rng.randrange(len(parts))] = f"{key}={value}"
        return separator.join(parts)

    return [lose, double, move, mix]


CHARACTERS: list[Operator] = [
    flip, flip, insert, delete, truncate, swap_characters, change_case, repeat, encode
]  # fmt: skip


def mutants(base: str, operators: list[Operator], count: int, seed: int = SEED) -> Iterator[str]:
    """`count` strings that are not `base`, each bent one to three times."""
    rng = random.Random(seed)
    while count:
        text = base
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            text = rng.choice(operators)(rng, text)
        if text != base:
            count -= 1
            yield text
