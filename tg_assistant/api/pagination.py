"""Query parameters and answers of paginated lists; `core/pagination` makes and reads the cursors."""

from collections.abc import Callable, Iterable
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

from tg_assistant.core.pagination import MAX_CURSOR, MAX_PAGE, decode, encode

Item = TypeVar("Item")
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="how many at most")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before; opaque")
]


class PageOut(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(description="give it as `cursor` to read on; null on the last page")


def cut(rows: list[Item], limit: int, position: Callable[[Item], tuple[object, ...]]) -> PageOut[Item]:
    """The first `limit` rows as a page. Pass `limit` + 1 or more: an extra row means another page.

    `position` gives the sort key of a row; that of the last row becomes the cursor.
    """
    more = len(rows) > limit
    return PageOut(items=rows[:limit], next_cursor=encode(*position(rows[limit - 1])) if more else None)


def by_name(
    rows: Iterable[Item], name: Callable[[Item], str], limit: int, cursor: str | None
) -> PageOut[Item]:
    """A page, sorted by name, of a short list that is wholly in memory. Raises Invalid for a bad cursor."""
    after = decode(cursor, str)
    behind = [row for row in rows if after is None or name(row) > after[0]]
    return cut(sorted(behind, key=name), limit, lambda row: (name(row),))
