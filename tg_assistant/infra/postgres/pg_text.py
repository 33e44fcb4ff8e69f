"""What PostgreSQL's text and jsonb can store: not U+0000 and, as they are UTF-8, no lone surrogates."""

import re
from typing import Any

_REFUSED = re.compile("[\0\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def storable(value: Any) -> Any:
    """Return the value with characters that cannot be stored replaced by U+FFFD, also in dicts and lists."""
    if isinstance(value, str):
        return _REFUSED.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value
