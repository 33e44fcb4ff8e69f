"""Alembic's entry: online only, with the URL handed over by `infra.db.migrate` or MIGRATIONS_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import create_engine
from sqlmodel import SQLModel

import tg_assistant.models
from tg_assistant.infra.postgres.db import sqlalchemy_url

assert tg_assistant.models  # registers the tables
url = context.config.attributes.get("url") or sqlalchemy_url(
    os.environ.get("MIGRATIONS_DATABASE_URL") or os.environ["DATABASE_URL"]
)


def _ours(obj, name, type_, reflected, compare_to):
    return not (type_ == "table" and reflected and name.startswith("pgqueuer"))


engine = create_engine(url)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, include_object=_ours)
    with context.begin_transaction():
        # one migration at a time, however many processes start together
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7238461)")
        # a migration that changes rows changes every tenant's (migrations/rls.py)
        connection.exec_driver_sql("SELECT set_config('app.operator', 'on', true)")
        context.run_migrations()
engine.dispose()
