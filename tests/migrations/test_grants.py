"""What the roles may not do to the trail and the schema's number, and migration 0009, which sees to it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg.errors import CheckViolation, InsufficientPrivilege
from sqlalchemy import CheckConstraint
from sqlmodel import SQLModel

from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.postgres.db import migrate, sqlalchemy_url
from tg_assistant.models.base import FIRST, LAST

RIGHTS = """
    SELECT c.relname, r.rolname, p.name FROM pg_class c, pg_roles r,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p (name)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    AND r.rolname IN ('tg_app', 'tg_worker') AND has_table_privilege(r.oid, c.oid, p.name)
"""
# column by column, and who may call what
ALL_RIGHTS = """
    SELECT c.relname || '.' || a.attname, r.rolname, p.name FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped, pg_roles r,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p (name)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    AND r.rolname IN ('tg_app', 'tg_worker') AND has_column_privilege(r.oid, c.oid, a.attnum, p.name)
    UNION ALL SELECT c.relname, r.rolname, p.name FROM pg_class c, pg_roles r,
        unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) p (name)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    AND r.rolname IN ('tg_app', 'tg_worker') AND has_table_privilege(r.oid, c.oid, p.name)
    UNION ALL SELECT s.seqrelid::regclass::text, r.rolname, 'USAGE' FROM pg_sequence s, pg_roles r
    WHERE r.rolname IN ('tg_app', 'tg_worker') AND has_sequence_privilege(r.oid, s.seqrelid, 'USAGE')
    UNION ALL SELECT p.proname, r.rolname, 'EXECUTE' FROM pg_proc p, pg_roles r
    WHERE p.pronamespace = 'public'::regnamespace
    AND r.rolname IN ('tg_app', 'tg_worker') AND has_function_privilege(r.oid, p.oid, 'EXECUTE')
    UNION ALL SELECT 'tables to come', 'tg_app', d.defaclacl::text FROM pg_default_acl d
    WHERE d.defaclobjtype = 'r' AND d.defaclacl::text LIKE '%tg_app%'
"""
CHECKS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""
POISON = ("infinity", "-infinity", "10000-01-01 00:00:00+00", "0044-03-15 00:00:00+00 BC")
GOOD = ("2000-01-01 00:00:00+00", "2199-12-31 23:59:59.999999+00", None)
LATEST = LAST - timedelta(microseconds=1)


@contextmanager
def empty_database(server: Postgres) -> Iterator[Postgres]:
    """The owner's, without a schema and without default privileges, as a managed PostgreSQL hands it over."""
    name = f"g_{secrets.token_hex(6)}"
    with psycopg.connect(server.database("postgres").admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER tg_owner")
        yield server.database(name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def downgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "migrations")
    config.attributes["url"] = sqlalchemy_url(url)
    command.downgrade(config, revision)


def facts(database: Postgres, query: LiteralString) -> set[tuple[str, ...]]:
    with psycopg.connect(database.admin_url) as admin:
        return set(admin.execute(query).fetchall())


def refused(url: str, tenant_id: UUID, *statements: LiteralString) -> None:
    """Not by its rows, which are shown: by the role's rights."""
    for statement in statements:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
            with pytest.raises(InsufficientPrivilege, match="permission denied"):
                connection.execute(statement)


@pytest.fixture(scope="module")
def group(database: Postgres) -> UUID:
    """A tenant with one line in its trail."""
    tenant_id = uuid4()
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("INSERT INTO tenants (id, name, index_generation) VALUES (%s, 'A', 1)", [tenant_id])
        a_line(admin, tenant_id)
    return tenant_id


def a_line(connection: psycopg.Connection, tenant_id: UUID) -> None:
    connection.execute(
        "INSERT INTO audit_events (id, tenant_id, action, subject) VALUES (gen_random_uuid(), %s, 'a.b', '')",
        [tenant_id],
    )


def lines(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT count(*) FROM audit_events").fetchone()
    return row[0] if row else 0


@pytest.mark.parametrize("role", ["app", "worker"])
def test_the_trail_is_written_and_read_and_never_rewritten(database, group, role):
    """Web, bot and ingest add lines and read them; none can change one, and web and bot cannot remove one."""
    url = database.app_url if role == "app" else database.worker_url
    with psycopg.connect(url) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(group)])
        before = lines(connection)
        a_line(connection, group)
        assert lines(connection) == before + 1 >= 2
    rewriting = (
        "UPDATE audit_events SET subject = 'x'",
        "TRUNCATE audit_events",
        "SELECT FROM audit_events FOR UPDATE",
    )
    refused(url, group, *rewriting)
    if role == "app":
        refused(url, group, "DELETE FROM audit_events")


def test_the_worker_may_remove_lines_for_retention(database, group):
    """Those the policy shows it; core/privacy/retention.py says which are too old."""
    with psycopg.connect(database.worker_url) as connection:
        assert connection.execute("DELETE FROM audit_events").rowcount >= 1
        connection.rollback()


@pytest.mark.parametrize("role", ["app", "worker"])
def test_a_deleted_group_takes_its_trail_with_it(database, role):
    """The foreign key deletes with the owner's rights, also for a role that may delete no line itself."""
    tenant_id = uuid4()
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("INSERT INTO tenants (id, name, index_generation) VALUES (%s, 'B', 1)", [tenant_id])
        a_line(admin, tenant_id)
    with psycopg.connect(database.app_url if role == "app" else database.worker_url) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(tenant_id)])
        assert connection.execute("DELETE FROM tenants").rowcount == 1
    with psycopg.connect(database.admin_url) as admin:
        left = admin.execute("SELECT count(*) FROM audit_events WHERE tenant_id = %s", [tenant_id])
        assert left.fetchone() == (0,)


@pytest.mark.parametrize("role", ["app", "worker"])
def test_the_number_of_the_schema_can_only_be_read(database, group, role):
    """A process of ours cannot make the next start migrate again, or skip a migration."""
    url = database.app_url if role == "app" else database.worker_url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone()
    writing = (
        "UPDATE alembic_version SET version_num = '0001'",
        "DELETE FROM alembic_version",
        "INSERT INTO alembic_version VALUES ('0001')",
    )
    refused(url, group, *writing)


def test_every_way_to_this_schema_gives_the_same_rights(postgres, database):
    """Made at once, upgraded, gone back and forth; with default privileges set before, and without."""
    with empty_database(postgres) as other:
        migrate(other.owner_url, "0008")
        old = facts(other, RIGHTS)
        assert {("audit_events", "tg_app", "DELETE"), ("alembic_version", "tg_worker", "UPDATE")} <= old
        migrate(other.owner_url)
        expected, checks = facts(database, ALL_RIGHTS), facts(database, CHECKS)
        assert (facts(other, ALL_RIGHTS), facts(other, CHECKS)) == (expected, checks)
        downgrade(other.owner_url, "0008")
        assert (facts(other, RIGHTS), facts(other, CHECKS)) == (old, set())
        migrate(other.owner_url)
        assert (facts(other, ALL_RIGHTS), facts(other, CHECKS)) == (expected, checks)
        downgrade(other.owner_url, "base")
        migrate(other.owner_url)
        assert (facts(other, ALL_RIGHTS), facts(other, CHECKS)) == (expected, checks)


def poisoned(database: Postgres) -> dict[str, UUID]:
    """A person and an invite for every end, in two groups; the person's id by the end."""
    people = {str(end): uuid4() for end in (*POISON, *GOOD)}
    with psycopg.connect(database.admin_url) as admin:
        for n, (end, user_id) in enumerate(people.items()):
            at, tenant_id = None if end == "None" else end, uuid4()
            admin.execute("INSERT INTO tenants (id, name, index_generation) VALUES (%s, '', 1)", [tenant_id])
            admin.execute(
                "INSERT INTO users (id, telegram_id, first_name, last_name, language, language_chosen)"
                " VALUES (%s, %s, '', '', 'en', false)",
                [user_id, n + 1],
            )
            admin.execute(
                "INSERT INTO memberships (id, tenant_id, user_id, role, plan, disabled, version,"
                " plan_expires_at) VALUES (gen_random_uuid(), %s, %s, 'user', 'plus', false, 1, %s)",
                [tenant_id, user_id, at],
            )
            admin.execute(
                "INSERT INTO invites (code, tenant_id, role, uses_limit, uses_count, active, notes,"
                " expires_at) VALUES (%s, %s, 'user', 1, 0, true, '', %s)",
                [f"POISON{n}", tenant_id, at],
            )
    return people


def test_ends_that_python_cannot_read_are_repaired(postgres):
    """Those too late get the last moment there is, those too early the first; good ones stay as they are."""
    expected = [LATEST, FIRST, LATEST, FIRST, FIRST, LATEST, None]
    with empty_database(postgres) as old:
        migrate(old.owner_url, "0008")
        people = poisoned(old)
        migrate(old.owner_url)
        with psycopg.connect(old.admin_url) as admin:
            admin.execute("SET TIME ZONE 'UTC'")
            plans = {
                user_id: (end, version)
                for user_id, end, version in admin.execute(
                    "SELECT user_id, plan_expires_at, version FROM memberships"
                )
            }
            ends = [end for (end,) in admin.execute("SELECT expires_at FROM invites ORDER BY code")]
    changed = [2] * len(POISON) + [1] * len(GOOD)
    assert [plans[user_id] for user_id in people.values()] == list(zip(expected, changed, strict=True))
    assert ends == expected


@pytest.mark.parametrize("at", [*POISON, str(LAST), str(FIRST - timedelta(microseconds=1))])
def test_such_an_end_cannot_come_back(database, group, at):
    """Also from a statement past core, of the superuser."""
    code = secrets.token_hex(6)
    for kept in (str(FIRST), str(LATEST), None):
        an_invite(database, group, secrets.token_hex(6), kept)
    with pytest.raises(CheckViolation, match="ck_invites_expires_at"):
        an_invite(database, group, code, at)
    with psycopg.connect(database.admin_url) as admin, pytest.raises(CheckViolation, match="ck_memberships"):
        admin.execute(
            "INSERT INTO memberships (id, tenant_id, user_id, role, plan, disabled, version, plan_expires_at)"
            " VALUES (gen_random_uuid(), %s, gen_random_uuid(), 'user', 'plus', false, 1, %s)",
            [group, at],
        )


def an_invite(database: Postgres, group: UUID, code: str, until: str | None) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute(
            "INSERT INTO invites (code, tenant_id, role, uses_limit, uses_count, active, notes, expires_at)"
            " VALUES (%s, %s, 'user', 1, 0, true, '', %s)",
            [code, group, until],
        )


def test_the_checks_are_those_of_the_models(database):
    """Alembic's own comparison looks at no CHECK."""
    stated = {
        (str(each.name), str(each.sqltext))
        for table in SQLModel.metadata.sorted_tables
        for each in table.constraints
        if isinstance(each, CheckConstraint)
    }
    there = dict(facts(database, CHECKS))
    assert {name for name, _ in stated} == there.keys()
    with psycopg.connect(database.owner_url) as owner:
        for name, rule in stated:
            table, column = rule_of(name)
            owner.execute(f"CREATE TEMP TABLE probe ({column} timestamptz, CONSTRAINT x CHECK ({rule}))")
            made = owner.execute(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'x'"
            ).fetchone()
            owner.execute("DROP TABLE probe")
            assert made == (there[name],), table


def rule_of(name: str) -> tuple[str, str]:
    """Table and column of ck_<table>_<column>."""
    table, _, column = name.removeprefix("ck_").partition("_")
    return table, column
