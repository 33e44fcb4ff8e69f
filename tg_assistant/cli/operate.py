"""Running the product: serve, migrate, build, build-model, doctor."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from tg_assistant.cli.door import AWAY, database_url, fail


def register(app: typer.Typer) -> None:
    """Add the commands to the top level."""
    for command in (serve, migrate, build, build_model, doctor):
        app.command()(command)


def serve() -> None:
    """Run the web process: the Mini App and the API."""
    from tg_assistant.settings.load import SettingsError, load
    from tg_assistant.web.serve import serve as run

    try:
        settings = load("web")
    except SettingsError as error:
        fail(str(error))
    run(settings)


def migrate() -> None:
    """Bring the database's schema up to date (MIGRATIONS_DATABASE_URL: the owner's role)."""
    from sqlalchemy.exc import OperationalError

    from tg_assistant.infra.postgres.db import migrate as upgrade

    try:
        upgrade(database_url())
    except OperationalError as error:
        if error.connection_invalidated or error.statement is not None:
            raise
        fail(AWAY)


def build() -> None:
    """Build the Mini App's static files if their sources changed."""
    from tg_assistant.web.build import build_if_changed

    try:
        typer.echo("frontend built" if build_if_changed() else "frontend unchanged")
    except subprocess.CalledProcessError as error:
        fail(f"The frontend build failed with exit code {error.returncode}; what it said stands above.")


def build_model(
    cache_dir: Annotated[Path, typer.Option(envvar="EMBEDDING_CACHE_DIR")] = Path(".data/models"),
) -> None:
    """Build the embedding model into the cache if it is not there yet."""
    from tg_assistant.infra.embeddings import build_model as build_graph

    typer.echo(f"model {build_graph(cache_dir).name}")


def doctor() -> None:
    """Check every service that the settings name; exit with 1 if one does not answer."""
    from tg_assistant.cli.doctor import examine

    trouble = False
    for name, verdict in examine():
        trouble = trouble or verdict is not None
        typer.secho(
            f"{'✗' if verdict else '✓'} {name}" + (f": {verdict}" if verdict else ""),
            fg="red" if verdict else "green",
        )
    raise typer.Exit(int(trouble))
