"""`tg-assistant sandbox`: what the demo's local Telegram holds."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The demo's local Telegram.")


@app.callback()
def group() -> None:
    """Keeps `load` a subcommand while it is the only one."""


@app.command()
def load(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    limit: Annotated[int | None, typer.Option(help="Only so many posts")] = None,
    control_url: Annotated[str, typer.Option(help="The running sandbox")] = "http://127.0.0.1:8010/control",
) -> None:
    """Load posts (JSON lines, also gzipped: channel, channel_id, message_id, date, text) as channels."""
    import httpx

    body = {"path": str(file.resolve()), "limit": limit}
    answer = httpx.post(f"{control_url}/load", json=body, timeout=300, trust_env=False)
    answer.raise_for_status()
    typer.echo(answer.text)
