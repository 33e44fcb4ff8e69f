"""The whole product on one machine: demo, dev, down."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path, typer.Option(help="Folder that keeps everything of this demo")]
DEFAULT_DATA = Path(".data")


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    app.command()(demo)
    app.command()(dev)
    app.command()(down)


def demo(
    data: Data = DEFAULT_DATA,
    reset: Annotated[bool, typer.Option(help="Start over: forget everything in the folder")] = False,
    smoke: Annotated[bool, typer.Option(help="Walk the main job over an empty folder, print JSON")] = False,
    load: Annotated[Path | None, typer.Option(help="Smoke: real posts instead of the demo's")] = None,
    limit: Annotated[int | None, typer.Option(help="Smoke: only so many of them")] = None,
    kill: Annotated[str | None, typer.Option(help="Smoke: kill -9 this process during the backfill")] = None,
) -> None:
    """Start PostgreSQL, Chroma, a local Telegram, web, bot and ingest; Ctrl-C stops them."""
    if smoke:
        from tg_assistant.demo.smoke.run import Wishes, run_smoke

        raise typer.Exit(run_smoke(Wishes(load, limit, kill)))
    from tg_assistant.demo.run import run

    raise typer.Exit(run(data, reset=reset))


def dev(data: Data = DEFAULT_DATA) -> None:
    """Run the demo, restarting each process when its source changes."""
    from tg_assistant.demo.run import run

    raise typer.Exit(run(data, watch=True))


def down(data: Data = DEFAULT_DATA) -> None:
    """Stop the demo that runs over the folder."""
    from tg_assistant.demo.run import down as stop

    typer.echo(stop(data))
