"""Whole numbers in addresses: each has exactly one spelling, so that each resource has one address."""

import re

from pydantic import BeforeValidator

_PLAIN = re.compile(r"[1-9][0-9]{0,18}")


def is_plain(text: str) -> bool:
    """Whether a text is 1 to 19 ASCII digits without a leading zero: no sign, underscore or other digits."""
    return _PLAIN.fullmatch(text) is not None


def _checked(value: object) -> object:
    if isinstance(value, str) and not is_plain(value):
        raise ValueError("must be digits without sign, spaces or leading zeros")
    return value


# put it after `Path` in an `Annotated[int, …]`: before it, the OpenAPI document would lack the bounds
PLAIN = BeforeValidator(_checked)
