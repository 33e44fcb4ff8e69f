"""Lists in pages, as HTTP asks for them and answers; `core/pagination` makes and reads the cursors."""

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
