"""Lists that are read in pages: the newest first, continued behind the last row seen, never by offset."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.errors import Invalid

MAX_PAGE = 100
Row = TypeVar("Row")
Position = tuple[datetime, Any]


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next_cursor` is None on the last page."""

    items: list[Row]
    next_cursor: str | None


@dataclass(frozen=True)
class Order(Generic[Row]):
    """By a moment and, where moments are equal, by a unique key; `of` reads both from a row."""

    moment: Any
    key: Any
    of: Callable[[Row], Position]
    parse: Callable[[str], Any] = UUID


async def page(
    db: AsyncSession, query: Any, order: Order[Row], *, limit: int, cursor: str | None
) -> Page[Row]:
    """The next `limit` (1…100) rows of `query`, newest first. Raises Invalid for a made-up cursor."""
    limit = max(1, min(limit, MAX_PAGE))
    if cursor:
        query = query.where(tuple_(order.moment, order.key) < tuple_(*_position(cursor, order.parse)))
    ordered = query.order_by(order.moment.desc(), order.key.desc()).limit(limit + 1)
    rows = list((await db.exec(ordered)).all())
    more = len(rows) > limit
    return Page(rows[:limit], cursor_of(order.of(rows[limit - 1])) if more else None)


def cursor_of(position: Position) -> str:
    """What continues a list behind this row."""
    moment, key = position
    return base64.urlsafe_b64encode(json.dumps([moment.isoformat(), str(key)]).encode()).decode()


def _position(cursor: str, parse: Callable[[str], Any]) -> Position:
    try:
        moment, key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None:
            raise ValueError("a moment without a zone")
        return parsed, parse(key)
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise Invalid("lists.bad_cursor") from None


def like(words: str) -> str:
    """A pattern for ILIKE that finds `words` anywhere, whatever characters they contain."""
    plain = words.replace("\x00", "")
    for special in ("\\", "%", "_"):
        plain = plain.replace(special, f"\\{special}")
    return f"%{plain}%"
