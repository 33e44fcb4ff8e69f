"""Column shapes shared by all tables."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, LargeBinary, func
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import deferred
from sqlmodel import Column, Field, Relationship, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# which times a person may set, before LAST: those that every reader of the database can read back
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def readable(table: str, column: str) -> CheckConstraint:
    """That a column's times lie from FIRST to before LAST, whoever writes them."""
    rule = f"{column} >= timestamptz '{FIRST}' AND {column} < timestamptz '{LAST}'"
    return CheckConstraint(rule, name=f"ck_{table}_{column}")


def moment(*, index: bool = False, now: bool = False, null: bool = True) -> Any:
    """A column with time zone; `now` fills it by the database's clock."""
    default = func.now() if now else None
    return Field(
        default=None,
        sa_column=Column(
            DateTime(timezone=True), index=index, server_default=default, nullable=null and not now
        ),
    )


def now() -> Any:
    """Never null: the database's clock fills it."""
    return moment(now=True)


def big(*, index: bool = False, null: bool = False, primary_key: bool = False) -> Any:
    """64 bits: Telegram's ids passed 32 long ago."""
    return Field(
        default=None,
        sa_column=Column(
            BigInteger, index=index, nullable=null, primary_key=primary_key, autoincrement=False
        ),
    )


def json_object(default: str = "{}") -> Any:
    """JSONB, never null."""
    return Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default=sql(f"'{default}'"))
    )


def blob() -> Any:
    """Bytes: hashes, and secrets that were sealed first."""
    return Field(default=None, sa_column=Column(LargeBinary, nullable=True))


SECRETS = "secrets"  # `undefer_group(SECRETS)` loads them


def secret(type_: Any = LargeBinary, *, null: bool = True) -> Any:
    """A column that web and bot may not read (migration 0012), so no query loads it unasked.

    Reading it from a row that was loaded without it raises. SQLModel has no deferred columns: it passes on
    what stands as a relationship, and leaves it out of `model_dump`, too.
    """
    column = Column(type_, nullable=null)
    unasked = deferred(column, group=SECRETS, raiseload=True)
    return Relationship(sa_relationship=unasked)  # type: ignore[arg-type]


def ref(target: str, *, null: bool = False, index: bool = True, primary_key: bool = False) -> Any:
    """A row that belongs to `target` and goes with it."""
    key = ForeignKey(target, ondelete="CASCADE")
    return Field(default=None, sa_column=Column(key, nullable=null, index=index, primary_key=primary_key))


def mention(target: str, *, index: bool = False) -> Any:
    """A row that only names `target` and outlives it."""
    key = ForeignKey(target, ondelete="SET NULL")
    return Field(default=None, sa_column=Column(key, nullable=True, index=index))
