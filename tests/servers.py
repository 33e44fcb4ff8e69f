"""What the fixtures of several folders build on: a migrated template database and the product's settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.postgres.db import Database, migrate, set_operator
from tg_assistant.infra.runtime import Runtime
from tg_assistant.settings.groups import (
    DatabaseSettings,
    RetrievalSettings,
    SecuritySettings,
    Settings,
    TelegramSettings,
    WebSettings,
)

BOT_TOKEN = "7000000001:test-token-of-nobody-0123456789abcdef"
SESSION_KEY = "dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
JWT_SECRET = "j" * 48
API_HASH = "0a5e7c31d94f4b6b8c2de17f60935ab4"  # of nobody
WEBHOOK_SECRET = "webhook-secret-of-the-tests-0123456789"
LLM_KEY = "llm-key-of-the-tests-0123456789"
TEMPLATE = "template_migrated"


def migrated_template(server: Postgres) -> None:
    """Migrate once; each module's database is a copy (50 ms instead of a second)."""
    with psycopg.connect(server.database("postgres").admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {TEMPLATE} OWNER tg_owner")
    owner = server.database(TEMPLATE)
    with psycopg.connect(owner.admin_url, autocommit=True) as admin:
        admin.execute("GRANT USAGE ON SCHEMA public TO tg_app, tg_worker")
        for what in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
            admin.execute(
                "ALTER DEFAULT PRIVILEGES FOR ROLE tg_owner IN SCHEMA public "
                f"GRANT {what} TO tg_app, tg_worker"
            )
    migrate(owner.owner_url)
    with psycopg.connect(owner.admin_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE tg_tests LOGIN PASSWORD 'tests' IN ROLE tg_app")
        for what in ("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES", "USAGE, SELECT ON ALL SEQUENCES"):
            admin.execute(f"GRANT {what} IN SCHEMA public TO tg_tests")
        admin.execute("REVOKE UPDATE, DELETE ON audit_events FROM tg_tests")
        admin.execute("REVOKE INSERT, UPDATE, DELETE ON searchable_posts FROM tg_tests")
        admin.execute("REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM tg_tests")


def preparing_url(database: Postgres) -> str:
    """A role that sees what web and bot see of the tenants, and may write what any process of ours writes.

    Tests prepare the work of ingest with it. What is held against the rights of web and bot (the API, bot,
    each process) connects as they do; in `tests/core` what has an actor does, too.
    """
    return urlsplit(database.app_url)._replace(netloc=f"tg_tests:tests@127.0.0.1:{database.port}").geturl()


@asynccontextmanager
async def as_door(rt: Runtime) -> AsyncIterator[Runtime]:
    """The runtime with the rights of web and bot."""
    door = Database(f"{rt.db.url}?options=-c%20role%3Dtg_app", pool_size=rt.settings.database.pool_size)
    try:
        yield replace(rt, db=door)
    finally:
        await door.close()


def settings_for(database: Postgres, chroma_url: str, model_dir: Path, *, role: str = "tests") -> Settings:
    """Settings as a process of `role` gets them (app, worker), or as tests; others by `model_copy`."""
    urls = {"app": database.app_url, "worker": database.worker_url, "tests": preparing_url(database)}
    url = urls[role]
    return Settings(
        environment="test",
        database=DatabaseSettings(url=url, migrations_url=database.owner_url),
        telegram=TelegramSettings(bot_token=BOT_TOKEN, api_id=1, api_hash=API_HASH),
        web=WebSettings(),
        security=SecuritySettings(jwt_secret=JWT_SECRET, session_crypto_key=SESSION_KEY),
        retrieval=RetrievalSettings(chroma_url=chroma_url, embedding_cache_dir=model_dir),
    )


@asynccontextmanager
async def all_tenants(rt: Runtime) -> AsyncIterator[AsyncSession]:
    """A transaction before which no wall stands between tenants, to look at or change what no door may."""
    url = rt.settings.database.migrations_url
    assert url is not None
    owner = Database(url.get_secret_value(), pool_size=1)
    try:
        async with owner.transaction() as db:
            await set_operator(db)
            yield db
    finally:
        await owner.close()
