"""`tg-assistant sandbox`: the content of the demo's local Telegram."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tg_assistant.cli.door import fail

app = typer.Typer(no_args_is_help=True, help="The demo's local Telegram.")


@app.callback()
def group() -> None:
    """Keeps `load` a subcommand while it is the only one."""


@app.command()
def load(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    limit: Annotated[int | None, typer.Option(help="Only so many posts")] = None,
    data: Annotated[Path, typer.Option(help="Folder of the running demo")] = Path(".data"),
) -> None:
    """Load posts (JSON lines, also gzipped: channel, channel_id, message_id, date, text) as channels."""
    import httpx

    body = {"path": str(file.resolve()), "limit": limit}
    try:
        port = json.loads((data / "ports.json").read_text())["phone"]
        url = f"http://127.0.0.1:{port}/control/load"
        answer = httpx.post(url, json=body, timeout=300, trust_env=False)
    except (OSError, httpx.HTTPError):
        fail(f"No demo is running over {data}. Start it with make demo, or name its folder with --data.")
    if not answer.is_success:
        fail(f"The posts were not loaded: {answer.text}")
    typer.echo(answer.text)
