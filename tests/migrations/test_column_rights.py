"""Each role × table × column × right as declared; what is secret is refused, however it is asked for."""

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from sqlmodel import SQLModel

from tests.migrations.column_rights import APP, APP_CALLS, APP_DELETES, WORKER
from tests.migrations.test_grants import facts
from tg_assistant.demo.postgres import Postgres

LETTERS = {"r": "SELECT", "w": "INSERT", "u": "UPDATE"}
COLUMNS = """
    SELECT c.relname, a.attname, r.rolname, p.name, has_column_privilege(r.oid, c.oid, a.attnum, p.name)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped,
        pg_roles r, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p (name)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    AND r.rolname IN ('tg_app', 'tg_worker')
"""
REMOVES = """
    SELECT c.relname, p.name
    FROM pg_class c, unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER', 'MAINTAIN']) p (name)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
    AND has_table_privilege('tg_app', c.oid, p.name)
"""
CALLS = """
    SELECT p.proname || '(' || pg_get_function_arguments(p.oid) || ')', p.prosecdef,
        coalesce(array_to_string(p.proconfig, ' '), ''), pg_get_userbyid(p.proowner),
        has_function_privilege('tg_app', p.oid, 'EXECUTE'), p.prorettype = 'trigger'::regtype
    FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
"""
SEQUENCES = """
    SELECT seqrelid::regclass::text FROM pg_sequence
    WHERE has_sequence_privilege('tg_app', seqrelid, 'USAGE, SELECT, UPDATE')
"""
DECLARED = {
    (table, column): letters
    for table, groups in APP.items()
    for letters, columns in groups.items()
    for column in columns.split()
}
UNREADABLE = sorted(where for where, letters in DECLARED.items() if "r" not in letters)
SECRETS = {
    ("accounts", "sealed_session"),
    ("channel_access", "access_hash"),
    ("dialogs", "access_hash"),
    ("logins", "password_sealed"),
    ("logins", "pending_session"),
}


def undecided(database: Postgres) -> list[tuple[str, ...]]:
    """Columns nobody has decided on, and rights that are not as declared."""
    wrong: list[tuple[str, ...]] = []
    for table, column, role, right, has in facts(database, COLUMNS):
        if role == "tg_worker":
            letters = WORKER.get(table, "rwu")
        elif (letters := DECLARED.get((table, column), "")) == "":
            wrong.append(
                (table, column, "no decision: say in tests/migrations/column_rights.py what web and bot may")
            )
            continue
        if has != (right in {LETTERS[letter] for letter in letters if letter in LETTERS}):
            wrong.append((role, table, column, right, "has it" if has else "lacks it"))
    return wrong


def test_every_column_is_decided(database: Postgres) -> None:
    """Walks all of them: one that is new, gone, or granted otherwise than declared, fails."""
    assert undecided(database) == []
    there = {(table, column) for table, column, *_ in facts(database, COLUMNS)}
    assert DECLARED.keys() - there == set(), "declared, but there is no such column"


def test_a_column_without_a_decision_is_noticed(database: Postgres) -> None:
    """The test above, of a table and a column somebody has added."""
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("CREATE TABLE brand_new (id int)")
        owner.execute("ALTER TABLE users ADD COLUMN brand_new text")
        owner.commit()
        try:
            noticed = {(table, column) for table, column, *_ in undecided(database)}
            assert noticed == {("users", "brand_new"), ("brand_new", "id")}
            can = owner.execute(
                "SELECT has_table_privilege('tg_app', 'brand_new', 'SELECT, INSERT, UPDATE, DELETE')"
            )
            assert can.fetchone() == (False,), (
                "a new table is nothing to web and bot until a migration says so"
            )
        finally:
            owner.rollback()
            owner.execute("DROP TABLE brand_new")
            owner.execute("ALTER TABLE users DROP COLUMN brand_new")


def test_what_may_be_removed_and_called(database: Postgres) -> None:
    """Rows of these tables, these functions, no sequence; functions with the owner's rights fix a path."""
    assert facts(database, REMOVES) == {(table, "DELETE") for table in APP_DELETES}
    assert facts(database, SEQUENCES) == set()
    called = set()
    for name, definer, settings, owner, may, trigger in facts(database, CALLS):
        if definer:
            assert (settings, owner) == ("search_path=pg_catalog, pg_temp", "tg_owner"), name
            assert may == (not trigger), f"{name} is everybody's"
            called |= {name} if may else set()
    assert called == APP_CALLS


def test_the_secrets_are_among_what_is_refused() -> None:
    """So that a right given back by mistake is not only declared anew."""
    assert set(UNREADABLE) >= SECRETS
    tables = {table.name: set(table.columns.keys()) for table in SQLModel.metadata.sorted_tables}
    assert all(column in tables[table] for table, column in SECRETS)


@pytest.mark.parametrize(("table", "column"), UNREADABLE)
def test_what_is_not_to_be_read_is_refused(database: Postgres, table: str, column: str) -> None:
    """Alone, with all, as a condition, in an order, through a row's type, and as what a change returns."""
    names = {"table": sql.Identifier(table), "column": sql.Identifier(column)}
    asked = [
        "SELECT {column} FROM {table}",
        "SELECT * FROM {table}",
        "SELECT {table} FROM {table}",
        "SELECT to_jsonb({table}) FROM {table}",
        "SELECT count(*) FROM {table} WHERE {column} IS NOT NULL",
        "SELECT 1 FROM {table} ORDER BY {column}",
        "SELECT max(length({column}::text)) FROM {table}",
        "TABLE {table}",
        "COPY {table} TO STDOUT",
        "CREATE TEMP TABLE copied AS TABLE {table}",
        "DELETE FROM {table} RETURNING {column}",
    ]
    if "u" in DECLARED[table, column]:
        asked.append("UPDATE {table} SET {column} = NULL RETURNING {column}")
    else:
        asked += ["UPDATE {table} SET {column} = NULL", "UPDATE {table} SET {column} = DEFAULT"]
    for query in asked:
        refused(database, sql.SQL(query).format(**names))


def refused(database: Postgres, statement: sql.Composable) -> None:
    denied = pytest.raises(InsufficientPrivilege, match="permission denied")
    with psycopg.connect(database.app_url) as connection, denied:
        connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pgqueuer (priority, entrypoint, status) VALUES (0, 'index', 'queued')",
        "UPDATE pgqueuer SET status = 'queued'",
        "DELETE FROM pgqueuer",
        "SELECT nextval('pgqueuer_id_seq')",
        "SELECT ask_for_job('index', gen_random_uuid(), NULL)",
        "SELECT ask_for_job('purge_channel', gen_random_uuid(), gen_random_uuid())",
        "SELECT ask_for_job('purge_channel', current_setting('app.tenant_id')::uuid, NULL)",
        "SELECT ask_for_job('forget_tenant', current_setting('app.tenant_id')::uuid, gen_random_uuid())",
        "SELECT ask_for_job('forget_tenant', id, NULL) FROM tenants",
        "SELECT ask_for_job(NULL, NULL, NULL)",
        "SELECT ask_for_job('purge_channel\"; x', current_setting('app.tenant_id')::uuid, gen_random_uuid())",
        "INSERT INTO posts (id, tenant_id) VALUES (gen_random_uuid(), gen_random_uuid())",
        "UPDATE logins SET qr_url = 'tg://login?token=of-the-attacker'",
        "UPDATE logins SET password_key = ''",
        "INSERT INTO logins (id, pending_session) VALUES (gen_random_uuid(), '')",
        "INSERT INTO accounts (id) VALUES (gen_random_uuid())",
        "UPDATE accounts SET status = 'connected'",
        "ALTER TABLE accounts DISABLE TRIGGER ALL",
        "CREATE TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SET ROLE tg_owner",
        "SET ROLE tg_worker",
    ],
)
def test_what_no_door_does_is_refused(database: Postgres, statement: str) -> None:
    """Jobs made up, posts and codes written, keys put back, and becoming somebody else."""
    with psycopg.connect(database.admin_url) as admin:
        made = admin.execute(
            "INSERT INTO tenants (id, name, index_generation) VALUES (gen_random_uuid(), 'A', 1) RETURNING id"
        ).fetchone()
    assert made
    with psycopg.connect(database.app_url) as connection:
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(made[0])])
        with pytest.raises(InsufficientPrivilege, match=r"permission denied|must be owner"):
            connection.execute(statement)


def test_temporary_names_do_not_mislead_the_owners_functions(database: Postgres) -> None:
    """Tables, types and operators of the caller's own stand in no path that the functions look along."""
    with psycopg.connect(database.app_url) as connection:
        connection.execute("CREATE TEMP TABLE pgqueuer (LIKE public.heartbeats)")
        connection.execute("CREATE TEMP TABLE tenants (id uuid)")
        tenant = "00000000-0000-0000-0000-000000000001"
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
        connection.execute("SELECT ask_for_job('forget_tenant', %s, NULL)", [tenant])
        seen = connection.execute("SELECT entrypoint, payload FROM public.pgqueuer").fetchall()
        assert seen == [("forget_tenant", b'{"tenant_id": "%s"}' % tenant.encode())]
        connection.rollback()
