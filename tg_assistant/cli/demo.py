"""The whole product on one machine: demo, down."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option(help="Folder that keeps everything of this demo")]
DEFAULT_DATA = Path(".data")


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    app.command()(demo)
    app.command()(down)


def demo(
    data: Data = DEFAULT_DATA,
    reset: Annotated[bool, typer.Option(help="Start over: forget everything in the folder")] = False,
    watch: Annotated[bool, typer.Option(help="Restart what changes in the source")] = False,
) -> None:
    """Start PostgreSQL, Chroma, a local Telegram, web, bot and ingest; Ctrl-C stops them."""
    from tg_assistant.demo.run import run

    raise typer.Exit(run(data, reset=reset, watch=watch))


def down(data: Data = DEFAULT_DATA) -> None:
    """Stop the demo that runs over the folder."""
    from tg_assistant.demo.run import down as stop

    typer.echo(stop(data))
