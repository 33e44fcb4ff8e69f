"""Checks of the arguments that a socket sends, against the handler's annotations, before the handler runs.

Reflex itself checks no argument. Our pages send nothing that is refused here.
"""

import inspect
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from reflex_base.event import EventHandler

MAX_TEXT = 16_000  # characters; the longest text a page sends is a question of 4,000
_MAX_NUMBER = 2**53  # JavaScript numbers are exact up to here
_MAX_ITEMS = 100
_MAX_DEPTH = 3
_MAX_ADDRESS = 8_000  # characters; Telegram's fragment holds init data and a theme
_NO_HOST = re.compile(r"(?:/(?:[^/\\].*)?)?", re.DOTALL)
_DIGITS = re.compile(r"-?[0-9]{1,15}")


def fit(handler: EventHandler, payload: object) -> bool:
    """Whether the payload has every required argument of the handler, no unknown one, each of its type."""
    if not isinstance(payload, dict):
        return False
    hints, needed = _signature(handler.fn)
    return needed <= payload.keys() <= hints.keys() and all(
        _is_a(hints[name], value) for name, value in payload.items()
    )


def place(router_data: object) -> dict[str, Any] | None:
    """The page's location, reduced to `pathname`, `asPath` and `query`; None when it is invalid."""
    if not isinstance(router_data, dict):
        return None
    kept = {name: router_data[name] for name in ("pathname", "asPath", "query") if name in router_data}
    query = kept.get("query", {})
    if not isinstance(query, dict) or not _is_plain(query):
        return None
    addresses = [kept.get(name, "") for name in ("pathname", "asPath")]
    # paths within the site only: an address that names a host breaks every later event
    if not all(_is_text(each, _MAX_ADDRESS) and _NO_HOST.fullmatch(str(each)) for each in addresses):
        return None
    return kept


@lru_cache(maxsize=512)
def _signature(function: Any) -> tuple[Mapping[str, Any], frozenset[str]]:
    hints = get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    needed = frozenset(one.name for one in parameters if one.default is inspect.Parameter.empty)
    return {one.name: hints.get(one.name, Any) for one in parameters}, needed


def _is_a(hint: Any, value: object) -> bool:
    if get_origin(hint) in (Union, UnionType):
        return any(_is_a(one, value) for one in get_args(hint))
    if hint is str:
        return _is_text(value)
    if hint is int:  # Reflex converts a form field's digits to a number
        return _is_number(value) or (isinstance(value, str) and _DIGITS.fullmatch(value) is not None)
    kind = get_origin(hint) or hint
    return (kind not in (bool, dict, list, NoneType) or isinstance(value, kind)) and _is_plain(value)


def _is_text(value: object, longest: int = MAX_TEXT) -> bool:
    """Whether it is a text of at most `longest` characters that can be stored.

    PostgreSQL does not store NUL, and a lone surrogate has no UTF-8 encoding.
    """
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_NUMBER


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether it is JSON of the size that forms and the bridge send: short, shallow, with finite numbers."""
    if isinstance(value, dict | list):
        inside = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        return (
            depth < _MAX_DEPTH
            and len(value) <= _MAX_ITEMS
            and all(_is_plain(one, depth + 1) for one in inside)
        )
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool) or _is_text(value) or _is_number(value)
