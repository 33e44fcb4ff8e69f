"""Migrations: up, down, up again, and what they make is what the models say."""

import secrets

import psycopg
from alembic import command
from alembic.config import Config

from tg_assistant.infra.db import sqlalchemy_url


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
