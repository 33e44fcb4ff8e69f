"""A migrated database of a module's or a test's own, looked through for secrets before it goes."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.attacks import planted
from tests.servers import TEMPLATE
from tg_assistant.demo.postgres import Postgres


@contextmanager
def own_database(server: Postgres) -> Iterator[Postgres]:
    """Empty, with the URLs of the three roles; whatever was done with it, no secret of ours may be in it."""
    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(server.database("postgres").admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER tg_owner")
        yield server.database(name)
        # a process that was killed may have left a lock behind
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        found = planted.in_rows(server.database(name).admin_url, planted.OF_THE_TESTS)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert found == set()
