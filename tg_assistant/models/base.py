"""Column definitions shared by all tables."""

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

# times that a person may set: from FIRST to before LAST, which every client of the database can represent
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def readable(table: str, column: str) -> CheckConstraint:
    """A check constraint: the column's times lie from FIRST to before LAST, whatever writes them."""
    rule = f"{column} >= timestamptz '{FIRST}' AND {column} < timestamptz '{LAST}'"
    return CheckConstraint(rule, name=f"ck_{table}_{column}")


def moment(*, index: bool = False, now: bool = False, null: bool = True) -> Any:
    """A timestamp column with time zone; with `now`, not null and filled from the database's clock."""
    default = func.now() if now else None
    return Field(
        default=None,
        sa_column=Column(
            DateTime(timezone=True), index=index, server_default=default, nullable=null and not now
        ),
    )


def now() -> Any:
    """A timestamp column, never null, filled from the database's clock."""
    return moment(now=True)


def big(*, index: bool = False, null: bool = False, primary_key: bool = False) -> Any:
    """A 64-bit integer column: Telegram's ids exceed 32 bits."""
    return Field(
        default=None,
        sa_column=Column(
            BigInteger, index=index, nullable=null, primary_key=primary_key, autoincrement=False
        ),
    )


def json_object(default: str = "{}") -> Any:
    """A JSONB column, never null."""
    return Field(
        default_factory=dict, sa_column=Column(JSONB, nullable=False, server_default=sql(f"'{default}'"))
    )


def blob() -> Any:
    """A nullable column of bytes, for hashes and sealed secrets."""
    return Field(default=None, sa_column=Column(LargeBinary, nullable=True))


SECRETS = "secrets"  # `undefer_group(SECRETS)` loads them


def secret(type_: Any = LargeBinary, *, null: bool = True) -> Any:
    """A deferred column: web and bot may not read it (migration 0012), so queries load it only on request.

    Reading it from a row loaded without it raises. SQLModel has no deferred columns, but passes on what is
    declared as a relationship, and omits it from `model_dump`.
    """
    column = Column(type_, nullable=null)
    unasked = deferred(column, group=SECRETS, raiseload=True)
    return Relationship(sa_relationship=unasked)  # type: ignore[arg-type]


def ref(target: str, *, null: bool = False, index: bool = True, primary_key: bool = False) -> Any:
    """A foreign key to the owner `target`: deleting that deletes this row."""
    key = ForeignKey(target, ondelete="CASCADE")
    return Field(default=None, sa_column=Column(key, nullable=null, index=index, primary_key=primary_key))


def mention(target: str, *, index: bool = False) -> Any:
    """A foreign key to `target` that becomes null when that is deleted."""
    key = ForeignKey(target, ondelete="SET NULL")
    return Field(default=None, sa_column=Column(key, nullable=True, index=index))
