"""`tg-assistant openapi`: the API's description as a file, docs/api/openapi.json by default."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

PLACE = Path("docs/api/openapi.json")


def openapi(
    output: Annotated[Path, typer.Option(help="where to write it; - for the terminal")] = PLACE,
) -> None:
    """Write the API's OpenAPI document."""
    text = written()
    if str(output) == "-":
        typer.echo(text, nl=False)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    typer.echo(f"wrote {output}")


def written() -> str:
    """The content of the file. Needs no settings and no other service."""
    from tg_assistant.api.app import create_api

    return json.dumps(create_api(_nothing).openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _nothing() -> Any:
    raise RuntimeError("the document is made without serving a request")
