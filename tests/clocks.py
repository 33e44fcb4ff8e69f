"""Clocks that jump: a process's own, and PostgreSQL's as its sessions see it."""

from datetime import timedelta

import psycopg

from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.clock import Clock

_FUNCTIONS = ("now", "clock_timestamp", "statement_timestamp", "transaction_timestamp")
_DEFAULTS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_default IN ('now()', 'CURRENT_TIMESTAMP')
"""


class Moved(Clock):
    """A clock that shows another time."""

    def __init__(self, by: timedelta = timedelta()) -> None:
        self.by = by

    def now(self):
        return super().now() + self.by


class DatabaseClock:
    """PostgreSQL's clock, which can be set: functions of ours stand before its own on the search path.

    Make it before anybody connects. Statements, triggers and the columns' defaults all see it; nobody else's
    database does.
    """

    def __init__(self, database: Postgres) -> None:
        self._admin = psycopg.connect(database.admin_url, autocommit=True)
        self._admin.execute("CREATE SCHEMA moved")
        self._admin.execute("CREATE TABLE moved.clock (by interval NOT NULL)")
        self._admin.execute("INSERT INTO moved.clock VALUES ('0')")
        for name in _FUNCTIONS:
            self._admin.execute(
                f"CREATE FUNCTION moved.{name}() RETURNS timestamptz LANGUAGE sql SECURITY DEFINER AS"
                f" $$ SELECT pg_catalog.{name}() + by FROM moved.clock $$"
            )
        for table, column in self._admin.execute(_DEFAULTS).fetchall():
            self._admin.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT moved.now()")
        self._admin.execute("GRANT USAGE ON SCHEMA moved TO PUBLIC")
        name = self._admin.info.dbname
        self._admin.execute(f"ALTER DATABASE {name} SET search_path = moved, pg_catalog, public")

    def set(self, by: timedelta) -> None:
        """From now on it is so much later (or earlier) than it is."""
        self._admin.execute("UPDATE moved.clock SET by = %s", [by])

    def close(self) -> None:
        self._admin.close()
