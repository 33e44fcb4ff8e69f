"""Lists in pages: how every list is asked for and answered, and cursors for those not ordered by a moment.

`core/pagination` pages whatever runs from the newest to the oldest; its cursors go through here untouched.
"""

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from tg_assistant.errors import Invalid

MAX_PAGE = 100
MAX_CURSOR = 600  # characters; a title of 255 letters is the longest thing a cursor holds
Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="how many at most")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before; opaque")
]


class PageOut(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="give it as `cursor` to read on; null on the last page")


def encode(*position: object) -> str:
    """An opaque cursor that stands behind the row whose ordering values these are."""
    return base64.urlsafe_b64encode(json.dumps([str(part) for part in position]).encode()).decode()


def decode(cursor: str | None, *parsers: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The position a cursor stands for, None for no cursor. Raises Invalid for one never given out."""
    if not cursor:
        return None
    try:
        parts = json.loads(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(parsers):
            raise ValueError("not a position of this list")
        return tuple(parse(_text(part)) for parse, part in zip(parsers, parts, strict=True))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise Invalid("lists.bad_cursor") from None


def cut(rows: list[Item], limit: int, position: Callable[[Item], tuple[object, ...]]) -> PageOut[Item]:
    """`rows` are `limit` + 1 or more where there are: one too many says that there is another page."""
    more = len(rows) > limit
    return PageOut(items=rows[:limit], next_cursor=encode(*position(rows[limit - 1])) if more else None)


def by_name(
    rows: Iterable[Item], name: Callable[[Item], str], limit: int, cursor: str | None
) -> PageOut[Item]:
    """A page of a short list that is at hand as a whole. Raises Invalid for a made-up cursor."""
    after = decode(cursor, str)
    behind = [row for row in rows if after is None or name(row) > after[0]]
    return cut(sorted(behind, key=name), limit, lambda row: (name(row),))


def _text(part: object) -> str:
    if not isinstance(part, str) or "\x00" in part:
        raise ValueError("not text")
    part.encode()  # half of an emoji is no text to PostgreSQL
    return part
