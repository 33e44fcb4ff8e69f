"""`tg-assistant …`: one file per group of commands. Importing it is cheap: commands import what they use."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tg_assistant.cli import demo, importing, invites, keys, openapi, operate, people, sandbox, tenants
from tg_assistant.cli.door import Commands, fail

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
operate.register(app)
app.command()(openapi.openapi)
app.command("import")(importing.import_file)
demo.register(app)
app.add_typer(invites.app, name="invites")
app.add_typer(tenants.app, name="tenants")
app.add_typer(people.app, name="people")
app.add_typer(keys.app, name="keys")
app.add_typer(sandbox.app, name="sandbox")


@app.callback()
def main(
    env_file: Annotated[
        Path | None, typer.Option(help="Read settings from this file, e.g. .data/env")
    ] = None,
) -> None:
    """Telegram Assistant: ask the Telegram channels you follow."""
    if env_file:
        if not env_file.is_file():
            fail(f"--env-file: there is no file {env_file}; a running demo has it in its data folder")
        for line in env_file.read_text().splitlines():
            name, separator, value = line.partition("=")
            if separator and not name.startswith("#"):
                os.environ[name.strip()] = value.strip().strip("'\"")
