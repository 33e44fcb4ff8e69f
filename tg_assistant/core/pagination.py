"""Keyset pagination: a list continues after the last row seen, whose position is in an opaque cursor.

`page` reads lists that run from the newest to the oldest; all lists use `encode` and `decode` for cursors.
"""

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
MAX_CURSOR = 600  # characters; the longest value in a cursor is a title of 255 letters
Row = TypeVar("Row")
Position = tuple[datetime, Any]


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A page of a list; `next_cursor` is None on the last one."""

    items: list[Row]
    next_cursor: str | None


@dataclass(frozen=True)
class Order(Generic[Row]):
    """The order of a list: by a moment and, if equal, by a unique key.

    `of` returns both from a row; `parse` reads the key from a cursor.
    """

    moment: Any
    key: Any
    of: Callable[[Row], Position]
    parse: Callable[[str], Any] = UUID


async def page(
    db: AsyncSession, query: Any, order: Order[Row], *, limit: int, cursor: str | None
) -> Page[Row]:
    """Return the next `limit` (clamped to 1…100) rows of `query`, the newest first.

    Raises Invalid for a cursor that was never issued.
    """
    limit = max(1, min(limit, MAX_PAGE))
    if after := decode(cursor, moment, order.parse):
        query = query.where(tuple_(order.moment, order.key) < tuple_(*after))
    ordered = query.order_by(order.moment.desc(), order.key.desc()).limit(limit + 1)
    rows = list((await db.exec(ordered)).all())
    more = len(rows) > limit
    return Page(rows[:limit], cursor_of(order.of(rows[limit - 1])) if more else None)


def cursor_of(position: Position) -> str:
    """Return the cursor of the page that starts after this position."""
    return encode(*position)


def encode(*position: object) -> str:
    """Return an opaque cursor for the position after the row with these ordering values."""
    parts = [part.isoformat() if isinstance(part, datetime) else str(part) for part in position]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode()


def decode(cursor: str | None, *parsers: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """Return the position in a cursor, or None without one. Raises Invalid for one that was never issued."""
    if not cursor:
        return None
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError("longer than any cursor")
        parts = _parts(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
        return tuple(parse(part) for parse, part in zip(parsers, parts, strict=True))
    except (ValueError, TypeError, RecursionError, binascii.Error, Invalid):
        raise Invalid("lists.bad_cursor") from None


def _parts(written: bytes) -> list[str]:
    parts = json.loads(written)
    if isinstance(parts, dict) and parts.keys() == {"offset"} and type(parts["offset"]) is int:
        return [str(parts["offset"])]  # the former format of ranked lists, which clients may still have
    if not isinstance(parts, list):
        raise ValueError("not a position")
    for part in parts:
        if not isinstance(part, str) or "\x00" in part:
            raise ValueError("not text")
        part.encode()  # raises for a lone surrogate, which PostgreSQL cannot store
    return parts


def moment(text: str) -> datetime:
    """Parse a time for `decode`. Raises ValueError for one without a zone, which no row has."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("a moment without a zone")
    return parsed


def like(words: str) -> str:
    """Return an ILIKE pattern that finds `words` anywhere, with its special characters escaped."""
    plain = words.replace("\x00", "")
    for special in ("\\", "%", "_"):
        plain = plain.replace(special, f"\\{special}")
    return f"%{plain}%"
