"""`tg-assistant import`: the history that Telegram Desktop exported, into channels that are followed here."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from tg_assistant.cli.door import fail, transactions

if TYPE_CHECKING:
    from tg_assistant.core.posts.desktop_export import Chat
    from tg_assistant.core.posts.ingestion import IncomingPost
    from tg_assistant.infra.postgres.db import Database

_BATCH = 500  # posts a transaction: live posts of the channel wait for no longer than that takes


@dataclass
class Imported:
    """What came of a chat of the file; `here` is False for one that nobody follows in the group."""

    telegram_id: int
    name: str
    here: bool
    read: int = 0
    new: int = 0
    newer: int = 0


@dataclass
class _Report:
    chats: list[Imported] = field(default_factory=list)
    broken: str | None = None


def import_file(
    file: Annotated[Path, typer.Argument(help="result.json, of one channel or of a whole account")],
    tenant: Annotated[UUID, typer.Option(help="The group whose channels take it in")],
    channel: Annotated[int | None, typer.Option(help="Only this channel's Telegram id, without -100")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as a JSON object")] = False,
) -> None:
    """Add exported posts to followed channels; what Telegram told already stays as it is."""
    if not file.is_file():
        fail(f"FILE: there is no file {file}")
    report = transactions(lambda database: _import(database, file, tenant, channel))
    if as_json:
        typer.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        for one in report.chats:
            typer.echo(_line(one))
    if report.broken:
        fail(f"{file}: no whole export of Telegram Desktop: {report.broken}. What stands above was added.")
    if not any(one.here for one in report.chats):
        fail("No channel of this file is followed in this group. Follow it first: /add in the bot.")


def _line(one: Imported) -> str:
    if not one.here:
        return f"{one.name} ({one.telegram_id}): not followed here, left out"
    return f"{one.name} ({one.telegram_id}): {one.new} new, {one.newer} in a later edit, of {one.read} posts"


async def _import(database: "Database", file: Path, tenant: UUID, only: int | None) -> _Report:
    from tg_assistant.core.posts import importing
    from tg_assistant.infra.json_stream import BrokenJson
    from tg_assistant.infra.postgres.db import set_operator

    async with database.transaction(tenant) as db:
        await set_operator(db)
        known = {number: one.id for number, one in (await importing.channels_of(db, tenant)).items()}
    report = _Report()
    try:
        for chat, batch in _batches(file):
            if not report.chats or report.chats[-1].telegram_id != chat.id:
                here = chat.id in known and only in (None, chat.id)
                report.chats.append(Imported(chat.id, chat.name, here))
            one = report.chats[-1]
            one.read += len(batch)
            if one.here and batch:
                async with database.transaction(tenant) as db:
                    await set_operator(db)
                    saved = await importing.save(db, known[chat.id], batch)
                one.new, one.newer = one.new + saved.new, one.newer + saved.changed
    except BrokenJson as error:
        report.broken = str(error)
    return report


def _batches(file: Path) -> Iterator[tuple["Chat", list["IncomingPost"]]]:
    """Each chat with its posts, some at a time; at least once, however few there are.

    Raises BrokenJson after all that could be read.
    """
    from tg_assistant.core.posts.desktop_export import Chat, read
    from tg_assistant.infra.json_stream import BrokenJson, JsonStream

    chat: Chat | None = None
    batch: list[IncomingPost] = []
    broken: BrokenJson | None = None
    with file.open(encoding="utf-8-sig", errors="replace") as text:
        found = read(JsonStream(text))
        while True:
            try:
                each = next(found, None)
            except BrokenJson as error:
                each, broken = None, error
            if chat is not None and (each is None or isinstance(each, Chat) or len(batch) >= _BATCH):
                yield chat, batch
                batch = []
            if each is None:
                break
            if isinstance(each, Chat):
                chat = each
            else:
                batch.append(each)
    if broken:
        raise broken
