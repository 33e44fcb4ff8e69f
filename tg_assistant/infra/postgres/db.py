"""PostgreSQL: one engine per process, transactions with a tenant, and migrations."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, func, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.errors import Unavailable
from tg_assistant.infra.clock import IN_SESSION, SYSTEM, Clock

Session = AsyncSession  # doors open it here and pass it to core, which runs all statements
DatabaseError = SQLAlchemyError  # any error of PostgreSQL or of the connection to it
_MIGRATIONS = Path(__file__).parents[3] / "migrations"


def sqlalchemy_url(url: str) -> str:
    """Convert `postgresql://…` for SQLAlchemy's psycopg dialect."""
    _, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}"


def plain_url(url: str) -> str:
    """Convert `postgresql+psycopg://…` for libpq."""
    _, _, rest = url.partition("://")
    return f"postgresql://{rest}"


class Database:
    """The process's engine. Doors and jobs open transactions; core works inside them and never commits."""

    def __init__(self, url: str, *, pool_size: int = 10, clock: Clock = SYSTEM) -> None:
        self.url = plain_url(url)
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,  # logged errors contain the statement but no user data
        )
        self._sessions = async_sessionmaker(
            self.engine, class_=AsyncSession, expire_on_commit=False, info={IN_SESSION: clock}
        )

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID | None = None) -> AsyncGenerator[AsyncSession]:
        """Open a transaction that commits on exit and rolls back on any error.

        `app.tenant_id` is set for the transaction only, so it never leaks through a pooled connection. Raises
        Unavailable when PostgreSQL cannot be reached.
        """
        async with self._sessions() as session:
            try:
                await session.connection()
            except (OperationalError, InterfaceError) as error:
                raise Unavailable("database.unavailable", retry_after=2) from error
            if tenant_id is not None:
                await set_tenant(session, tenant_id)
            try:
                async with _begun(session):
                    yield session
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise Unavailable("database.unavailable", retry_after=2) from error
                raise

    async def close(self) -> None:
        """Close the pool's connections."""
        await self.engine.dispose()


@asynccontextmanager
async def _begun(session: AsyncSession) -> AsyncGenerator[None]:
    try:
        yield
    except BaseException:  # includes cancellation; re-raised
        await session.rollback()
        raise
    await session.commit()


async def run_text(db: AsyncSession, statement: TextClause, /, **values: Any) -> CursorResult[Any]:
    """Run textual SQL in the session's transaction; SQLModel's `exec` accepts only statements of models."""
    connection = await db.connection()
    return await connection.execute(statement.bindparams(**values))


def transaction_time() -> datetime:
    """Return SQL's now(), the transaction's start, as a column value; refresh the row to read it."""
    return cast("datetime", func.now())


async def set_tenant(db: AsyncSession, tenant_id: UUID | None) -> None:
    """Set the transaction's tenant: row-level security then shows this tenant's rows and no others."""
    await _say(db, "tenant_id", tenant_id)


async def set_user(db: AsyncSession, user_id: UUID | None) -> None:
    """Set the transaction's user, which shows their membership, and rows about them without a tenant."""
    await _say(db, "user_id", user_id)


async def set_invite(db: AsyncSession, code: str) -> None:
    """Show the one invite this code belongs to, before its tenant is known."""
    await _say(db, "invite_code", code)


async def set_link(db: AsyncSession, digest: bytes) -> None:
    """Show the one login whose link or page has a token with this hash, before its tenant is known."""
    await _say(db, "link_hash", digest.hex())


async def set_feed(db: AsyncSession, digest: bytes) -> None:
    """Show the one feed whose address has a token with this hash, before its tenant is known."""
    await _say(db, "feed_hash", digest.hex())


async def set_delivering(db: AsyncSession) -> None:
    """Show the notifications of all tenants."""
    await _say(db, "delivering", "on")


async def set_operator(db: AsyncSession) -> bool:
    """Show all tenants' rows, for the command line; return False if this is not the tables' owner's role."""
    await _say(db, "operator", "on")
    owner = text(
        "SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'tenants'::regclass"
    )
    return bool((await run_text(db, owner)).scalar_one())


async def _say(db: AsyncSession, name: str, value: object) -> None:
    # transaction-local, so it never leaks through a pooled connection; '' stands for no value
    statement = text("SELECT set_config(:name, :value, true)")
    await run_text(db, statement, name=f"app.{name}", value="" if value is None else str(value))


def migrate(url: str, revision: str = "head") -> None:
    """Migrate the schema to `revision`; blocks. `url` needs the owner's role."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = sqlalchemy_url(url)
    command.upgrade(config, revision)
