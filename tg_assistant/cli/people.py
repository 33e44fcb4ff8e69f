"""`tg-assistant people`: a person's data, exported or deleted at their request, even without access."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from tg_assistant.cli.door import fail, in_words

if TYPE_CHECKING:
    from tg_assistant.core.actor import Actor
    from tg_assistant.infra.runtime import Runtime

Answer = TypeVar("Answer")
app = typer.Typer(no_args_is_help=True, help="A person's data at their word: exported or deleted.")
TelegramId = Annotated[
    int, typer.Argument(help="The person's id at Telegram, as GET /api/admin/users has it")
]


@app.command()
def export(
    telegram_id: TelegramId,
    to: Annotated[Path, typer.Option(help="The zip file to write; must not exist")],
) -> None:
    """Write everything stored about a person to a zip of JSON, as GET /api/users/me/export does."""
    from tg_assistant.core.privacy import export as exporting

    if to.exists():
        fail(f"--to: {to} exists already")

    async def work(rt: "Runtime", person: "Actor") -> None:
        with to.open("xb") as file:
            async for piece in exporting.archive(rt, person):
                file.write(piece)

    _for_person(telegram_id, work)
    typer.echo(f"Written: {to}")


@app.command()
def delete(
    telegram_id: TelegramId,
    with_group: Annotated[
        bool, typer.Option("--with-group", help="For a last owner: the whole group goes, too")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The receipt as a JSON object")] = False,
) -> None:
    """Log a person out at Telegram and delete all their data, as /delete_me does. It cannot be undone."""
    from tg_assistant.core.privacy import erasure

    if not yes:
        again = "Also that they were switched off is forgotten: by an open invite they could join again."
        typer.confirm(f"Delete everything of {telegram_id}? {again}", abort=True, err=True)
    receipt = _for_person(telegram_id, lambda rt, person: erasure.erase(rt, person, with_group=with_group))
    if as_json:
        typer.echo(json.dumps(asdict(receipt), default=str))
        return
    counts = f"accounts {receipt.accounts}, channels {receipt.channels}, questions {receipt.questions}"
    typer.echo(f"Deleted: {counts}, sessions {receipt.sessions}. Receipt: {receipt.id}")


def _for_person(telegram_id: int, work: "Callable[[Runtime, Actor], Awaitable[Answer]]") -> Answer:
    """Run `work` for the person; errors as one sentence with exit code 1."""
    import logging

    from tg_assistant.core.access import sign_in
    from tg_assistant.infra.logging import logs
    from tg_assistant.infra.runtime import open_runtime
    from tg_assistant.settings.load import load

    logs.configure_terminal(logging.WARNING)

    async def run() -> Answer:
        async with open_runtime(load("cli")) as rt:
            async with rt.db.transaction() as db:
                person = await sign_in.actor_for_operator(db, telegram_id)
            return await work(rt, person)

    with in_words():
        return asyncio.run(run())
