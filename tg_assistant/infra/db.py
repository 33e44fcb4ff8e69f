"""PostgreSQL: one engine a process, transactions that carry the tenant, and migrations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.errors import Unavailable

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy's psycopg dialect wants it."""
    _, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}"


def plain_url(url: str) -> str:
    """`postgresql+psycopg://…` as libpq wants it."""
    _, _, rest = url.partition("://")
    return f"postgresql://{rest}"


class Database:
    """Doors and jobs open transactions here; core works inside them and never commits."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = plain_url(url)
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(url), pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True
        )
        self._sessions = async_sessionmaker(self.engine, class_=AsyncSession, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID | None = None) -> AsyncIterator[AsyncSession]:
        """Commits on exit, rolls back on any error. Raises Unavailable when PostgreSQL cannot be reached.

        `app.tenant_id` is transaction-local, so a pooled connection never carries it on.
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
        await self.engine.dispose()


@asynccontextmanager
async def _begun(session: AsyncSession) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await session.rollback()
        raise
    await session.commit()


async def set_tenant(db: AsyncSession, tenant_id: UUID) -> None:
    """Say for whom this transaction acts (row-level security reads it)."""
    await db.exec(text("SELECT set_config('app.tenant_id', :t, true)").bindparams(t=str(tenant_id)))  # type: ignore[call-overload]


def migrate(url: str, revision: str = "head") -> None:
    """Bring the schema to `revision`; blocks. `url` needs the owner's role."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = sqlalchemy_url(url)
    command.upgrade(config, revision)
