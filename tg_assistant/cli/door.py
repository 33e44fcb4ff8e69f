"""Access of commands to core: a transaction on the database, and errors as a sentence with exit code 1."""

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from tg_assistant import texts
from tg_assistant.errors import AssistantError

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError
    from sqlmodel.ext.asyncio.session import AsyncSession

    from tg_assistant.infra.postgres.db import Database

Answer = TypeVar("Answer")
_OWNER_ONLY = (
    "MIGRATIONS_DATABASE_URL: this looks at every tenant, which only the owner's role may; "
    "with docker compose: docker compose run --rm migrate tg-assistant …"
)

AWAY = "DATABASE_URL: PostgreSQL does not answer there, or refuses this name and password"
# undefined table, undefined column: https://www.postgresql.org/docs/current/errcodes-appendix.html
_OLD_SCHEMA, _NOT_ALLOWED = ("42P01", "42703"), "42501"

_UsageError: Any = typer.BadParameter.__base__  # Typer has no public name for it


class Commands(TyperGroup):
    """A group of commands that reports wrong options, too, as one sentence with exit code 1."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command. Typer's own `main` would print a usage error in a box and exit with 2."""
        try:
            code = super().main(*args, standalone_mode=False, **extra)
        except _UsageError as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()
            else:
                typer.secho(" ".join(error.format_message().split()), err=True, fg="red")
            code = 1
        sys.exit(code if isinstance(code, int) else 0)


def transaction(work: "Callable[[AsyncSession], Awaitable[Answer]]", *, all_tenants: bool = False) -> Answer:
    """Run `work` in one transaction, as the operator: the database's password is the only authorisation.

    Set `all_tenants` for work across tenants: only the owner's role may do that; others would see no rows.
    Returns what `work` returns; errors end the command (`in_words`).
    """
    from tg_assistant.infra.postgres.db import set_operator

    async def once(database: "Database") -> Answer:
        async with database.transaction() as db:
            if not await set_operator(db) and all_tenants:
                fail(_OWNER_ONLY)
            return await work(db)

    return transactions(once)


def transactions(work: "Callable[[Database], Awaitable[Answer]]") -> Answer:
    """Run `work`, which opens transactions of its own and says in each whom it works for."""
    from tg_assistant.infra.logging import logs
    from tg_assistant.infra.postgres.db import Database

    logs.configure_terminal(
        logging.WARNING
    )  # events belong in a process's log; a terminal gets warnings only

    async def run() -> Answer:
        database = Database(database_url(), pool_size=1)
        try:
            return await work(database)
        finally:
            await database.close()

    with in_words():
        return asyncio.run(run())


@contextmanager
def in_words() -> Generator[None]:
    """End the command on an error inside with one sentence and exit code 1, never with SQL."""
    from sqlalchemy.exc import DBAPIError

    from tg_assistant.settings.load import SettingsError

    try:
        yield
    except SettingsError as error:
        fail(str(error))
    except AssistantError as error:
        fail(sentence(error))
    except DBAPIError as error:
        fail(_of_database(error))


def _of_database(error: "DBAPIError") -> str:
    """A sentence for a database error, without the statement and its values, which are personal data."""
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _OLD_SCHEMA:
        return "The database has no schema yet, or an old one: tg-assistant migrate"
    if state == _NOT_ALLOWED:
        return _OWNER_ONLY
    said = str(error.orig).partition("\n")[0]
    return f"The database refused this or holds what cannot be read: {said}"


def sentence(error: AssistantError) -> str:
    """The error as an English sentence for a terminal."""
    if error.code == "database.unavailable":
        return AWAY
    key = f"errors.{error.code}"
    return texts.text(key, "en", **error.values) if texts.has(key) else f"{error.title}: {error.code}"


def database_url() -> str:
    """The URL from MIGRATIONS_DATABASE_URL, DATABASE_URL or POSTGRES_URL, the first that is set.

    Ends the command with a sentence if none is set, or it is not a PostgreSQL URL.
    """
    names = ("MIGRATIONS_DATABASE_URL", "DATABASE_URL", "POSTGRES_URL")
    url = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if url is None:
        fail("DATABASE_URL: is missing; beside a running demo: .venv/bin/tg-assistant --env-file .data/env …")
    if not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        fail("DATABASE_URL: must look like postgresql://app:password@localhost:5432/tg_assistant")
    return url


def fail(sentence: str) -> NoReturn:
    """Print the sentence on stderr and exit with code 1."""
    typer.secho(sentence, err=True, fg="red")
    raise typer.Exit(1)
