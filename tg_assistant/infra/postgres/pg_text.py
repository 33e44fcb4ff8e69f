"""What PostgreSQL's text and jsonb can hold: neither takes U+0000, and UTF-8 has no lone surrogates."""

import re
from typing import Any

_REFUSED = re.compile("[\0\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:
    """The same value, each character in it that cannot be stored replaced; reaches into dicts and lists."""
    if isinstance(value, str):
        return _REFUSED.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value
