"""Whole numbers in addresses: each has one way of being written, so that one thing has one address."""

import re

from pydantic import BeforeValidator

_PLAIN = re.compile(r"[1-9][0-9]{0,18}")


def is_plain(text: str) -> bool:
    """Digits alone, without sign, leading zero, underscore or another alphabet's digits."""
    return _PLAIN.fullmatch(text) is not None


def _checked(value: object) -> object:
    if isinstance(value, str) and not is_plain(value):
        raise ValueError("must be digits without sign, spaces or leading zeros")
    return value


# behind `Path` in an `Annotated[int, …]`: before it, the document would not tell the bounds
PLAIN = BeforeValidator(_checked)
