"""Lists that are read in pages: continued behind the last row seen, by a cursor that is opaque to its holder.

`page` reads what runs from the newest to the oldest; `encode` and `decode` are the cursors of all lists.
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
MAX_CURSOR = 600  # characters; a title of 255 letters is the longest thing a cursor holds
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
    if after := decode(cursor, moment, order.parse):
        query = query.where(tuple_(order.moment, order.key) < tuple_(*after))
    ordered = query.order_by(order.moment.desc(), order.key.desc()).limit(limit + 1)
    rows = list((await db.exec(ordered)).all())
    more = len(rows) > limit
    return Page(rows[:limit], cursor_of(order.of(rows[limit - 1])) if more else None)


def cursor_of(position: Position) -> str:
    """What continues a list behind this row."""
    return encode(*position)


def encode(*position: object) -> str:
    """An opaque cursor that stands behind the row whose ordering values these are."""
    parts = [part.isoformat() if isinstance(part, datetime) else str(part) for part in position]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode()


def decode(cursor: str | None, *parsers: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The position a cursor stands for, None for no cursor. Raises Invalid for one never given out."""
    if not cursor:
        return None
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError("longer than any cursor")
        parts = _parts(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
        return tuple(parse(part) for parse, part in zip(parsers, parts, strict=True))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise Invalid("lists.bad_cursor") from None


def _parts(written: bytes) -> list[str]:
    parts = json.loads(written)
    if isinstance(parts, dict) and parts.keys() == {"offset"} and type(parts["offset"]) is int:
        return [str(parts["offset"])]  # how ranked lists wrote theirs before; some may still be held
    if not isinstance(parts, list):
        raise ValueError("not a position")
    for part in parts:
        if not isinstance(part, str) or "\x00" in part:
            raise ValueError("not text")
        part.encode()  # half of an emoji is no text to PostgreSQL
    return parts


def moment(text: str) -> datetime:
    """For `decode`: a moment, which every row has with its zone."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError("a moment without a zone")
    return parsed


def like(words: str) -> str:
    """A pattern for ILIKE that finds `words` anywhere, whatever characters they contain."""
    plain = words.replace("\x00", "")
    for special in ("\\", "%", "_"):
        plain = plain.replace(special, f"\\{special}")
    return f"%{plain}%"
