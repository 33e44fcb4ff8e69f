"""Migrations: up, down, up again, and what they make is what the models say."""

import secrets
from uuid import uuid4

import psycopg
from alembic import command
from alembic.config import Config

from tg_assistant.infra.postgres.db import sqlalchemy_url


def test_up_down_up_leaves_what_the_models_say(postgres):
    """A database can go back and forth, and no model change lacks its migration."""
    name = f"m_{secrets.token_hex(4)}"
    with psycopg.connect(postgres.database("postgres").admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER tg_owner")
    config = Config()
    config.set_main_option("script_location", "migrations")
    config.attributes["url"] = sqlalchemy_url(postgres.database(name).owner_url)
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    with psycopg.connect(postgres.database(name).admin_url) as database:
        left = (
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        )
        assert database.execute(left).fetchall() == []
    command.upgrade(config, "head")
    command.check(config)  # raises when a model and the tables differ


FILLED = """
INSERT INTO tenants (id, name, index_generation) VALUES ('00000000-0000-0000-0000-00000000000a', 'A', 1);
INSERT INTO users (id, telegram_id, first_name, last_name, language, language_chosen)
    VALUES ('00000000-0000-0000-0000-00000000000b', 1, '', '', 'en', false);
INSERT INTO accounts (id, tenant_id, user_id, telegram_id, status, device, sealed_session, lease_epoch)
    VALUES (gen_random_uuid(), '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b',
        1, 'connected', '', 'sealed', 3);
INSERT INTO logins (id, tenant_id, user_id, status, device, password_tries, lease_epoch, expires_at,
        pending_session, password_sealed)
    SELECT gen_random_uuid(), '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b',
        'failed', '', 0, 0, now(), pending, password
    FROM (VALUES (NULL::bytea, NULL::bytea), ('key', NULL), (NULL, 'word'), ('key', 'word'))
        AS had (pending, password);
"""


def test_rights_by_column_on_filled_tables(postgres):
    """Up, down and up with rows that hold secrets: none is lost, and what is there is said beside it."""
    name = f"m_{secrets.token_hex(4)}"
    with psycopg.connect(postgres.database("postgres").admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} OWNER tg_owner")
    config = Config()
    config.set_main_option("script_location", "migrations")
    config.attributes["url"] = sqlalchemy_url(postgres.database(name).owner_url)
    command.upgrade(config, "0010")
    rows = "SELECT pending_session, password_sealed FROM logins ORDER BY 1, 2"
    with psycopg.connect(postgres.database(name).admin_url) as admin:
        admin.execute(FILLED)
        before = admin.execute(rows).fetchall()
    for step in ("0012", "0010", "0012"):
        (command.upgrade if step == "0012" else command.downgrade)(config, step)
        with psycopg.connect(postgres.database(name).admin_url) as admin:
            assert admin.execute(rows).fetchall() == before
            assert admin.execute("SELECT sealed_session, lease_epoch FROM accounts").fetchall() == [
                (b"sealed", 3)
            ]
    with psycopg.connect(postgres.database(name).admin_url) as admin:
        said = admin.execute("SELECT key_pending, password_waiting, session_id FROM logins").fetchall()
    assert sorted(said) == [(key, word, None) for key in (False, True) for word in (False, True)]


def test_a_question_written_by_older_code_is_one_never_tried(database):
    """It names no `attempts`: the column has a default, so that it is no error while old and new meet."""
    ids = {"tenant": uuid4(), "user": uuid4()}
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("INSERT INTO tenants (id, name, index_generation) VALUES (%(tenant)s, '', 1)", ids)
        admin.execute(
            "INSERT INTO users (id, telegram_id, first_name, last_name, language, language_chosen)"
            " VALUES (%(user)s, 1, '', '', 'en', false)",
            ids,
        )
        asked = (
            "INSERT INTO questions (id, tenant_id, user_id, door, question)"
            " VALUES (gen_random_uuid(), %(tenant)s, %(user)s, 'bot', 'Where?') RETURNING attempts"
        )
        assert admin.execute(asked, ids).fetchone() == (0,)
