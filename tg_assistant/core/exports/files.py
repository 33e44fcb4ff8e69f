"""Posts as files to take along, JSON or CSV: streamed page by page, in bounded memory."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Unpack
from uuid import UUID

from tg_assistant.core import audit
from tg_assistant.core.access import revocation
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.posts import posts
from tg_assistant.core.posts.posts import ShownPost
from tg_assistant.core.retrieval import search
from tg_assistant.core.retrieval.hybrid import Wanted
from tg_assistant.core.retrieval.search import Mode
from tg_assistant.errors import NotFound
from tg_assistant.infra.runtime import Runtime

MAX_FOUND = 1_000  # posts of a search
_PAGE = 100
# A spreadsheet runs a cell that begins like a formula, also in full-width characters and behind unseen ones:
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = re.compile("[\t\r\n]|[ \u00a0\ufeff\u200b-\u200f\u2060-\u2064]*[-=+@\uff1d\uff0b\uff0d\uff20]")
_FIELDS = (
    *("channel", "channel_telegram_id", "message_id", "url", "posted_at", "edited_at"),
    *("text", "links", "media", "forwarded_from", "views"),
)


class Form(StrEnum):
    """The form of a file."""

    json = "json"
    csv = "csv"


async def of_channel(
    rt: Runtime, actor: Actor, channel_id: UUID, *, form: Form = Form.json
) -> AsyncIterator[bytes]:
    """Yield a file of all posts of a channel, the newest first.

    What may be read is asked before each page. Raises NotFound, at first or once the channel is closed to
    the actor, and what `revocation.check` does; the pieces sent until then are no whole file.
    """
    actor.require()
    writer, cursor = _Writer(form), None
    async with rt.db.transaction(actor.tenant) as db:
        await _readable(db, actor, channel_id)
        await audit.record(db, actor, "channel.export", channel_id)
    while True:
        await revocation.check(rt, actor)
        async with rt.db.transaction(actor.tenant) as db:
            await _readable(db, actor, channel_id)
            page = await posts.list_(db, actor, [channel_id], _PAGE, cursor)
        yield writer.page(page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    yield writer.end()


async def of_search(
    rt: Runtime,
    actor: Actor,
    query: str,
    *,
    mode: Mode = "hybrid",
    form: Form = Form.json,
    **wanted: Unpack[Wanted],
) -> AsyncIterator[bytes]:
    """Yield a file of what a search finds, in its order, at most 1,000 posts.

    Raises what `search.search` and `revocation.check` do. Each page of 100 counts as a search.
    """
    actor.require()
    writer, cursor = _Writer(form), None
    for _ in range(MAX_FOUND // _PAGE):
        await revocation.check(rt, actor)
        found = await search.search(rt, actor, query, mode=mode, cursor=cursor, **{**wanted, "limit": _PAGE})
        yield writer.page([hit.shown for hit in found.items])
        cursor = found.next_cursor
        if cursor is None:
            break
    yield writer.end()


async def _readable(db: Any, actor: Actor, channel_id: UUID) -> None:
    if not await channels.readable_ids(db, actor, [channel_id]):
        raise NotFound("channels.not_found")


class _Writer:
    """Pages of posts as pieces of one file."""

    def __init__(self, form: Form) -> None:
        self._form, self._begun = form, False

    def page(self, shown: Sequence[ShownPost]) -> bytes:
        rows = [_row(one) for one in shown]
        piece = self._csv(rows) if self._form is Form.csv else self._json(rows)
        self._begun = True
        return piece.encode("utf-8", "replace")

    def end(self) -> bytes:
        return b"\n]\n" if self._form is Form.json else b""

    def _json(self, rows: list[dict[str, Any]]) -> str:
        written = [json.dumps(row, ensure_ascii=False, default=_plain) for row in rows]
        joined = ",\n".join(written)
        if not self._begun:
            return f"[\n{joined}"
        return f",\n{joined}" if joined else ""

    def _csv(self, rows: list[dict[str, Any]]) -> str:
        out = io.StringIO()
        table = csv.writer(out)  # RFC 4180: CRLF between rows
        if not self._begun:
            out.write("\ufeff")  # without it Excel takes UTF-8 for a code page of its own
            table.writerow(_FIELDS)
        table.writerows([[_cell(row[name]) for name in _FIELDS] for row in rows])
        return out.getvalue()


def _row(shown: ShownPost) -> dict[str, Any]:
    post, channel = shown.post, shown.channel
    return {
        "channel": channel.title,
        "channel_telegram_id": channel.telegram_id,
        "message_id": post.message_id,
        "url": shown.url,
        "posted_at": post.posted_at,
        "edited_at": post.edited_at,
        "text": post.text,
        "links": post.links,
        "media": post.media,
        "forwarded_from": post.forward_title,
        "views": post.views,
    }


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = " ".join(map(str, value))
    text = "" if value is None else str(_plain(value))
    return f"'{text}" if isinstance(value, str) and _FORMULA.match(text) else text


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
