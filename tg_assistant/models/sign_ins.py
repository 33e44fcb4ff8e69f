"""Records of sign-ins: sessions, refresh tokens, one-time links, used init data, attempts."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary
from sqlmodel import Column, Field, SQLModel

from tg_assistant.models.base import blob, moment, now, ref


class SeenInitData(SQLModel, table=True):
    """The SHA-256 of used init data, until it expires: each string is valid for one sign-in."""

    __tablename__: ClassVar[Any] = "seen_init_data"
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    expires_at: datetime = moment(index=True, null=False)


class AppSession(SQLModel, table=True):
    """One sign-in of one person on one device; secrets are stored only as SHA-256 hashes."""

    __tablename__: ClassVar[Any] = "app_sessions"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID = ref("users.id")
    resume_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    door: str = "app"  # app: init data; admin: a one-time link
    device: str = ""
    created_at: datetime = now()
    last_seen_at: datetime = now()
    expires_at: datetime = moment(null=False)
    revoked_at: datetime | None = moment()


class RefreshToken(SQLModel, table=True):
    """Every refresh token of a session. Only the unrotated one is valid; reuse of another means theft."""

    __tablename__: ClassVar[Any] = "refresh_tokens"
    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    session_id: UUID = ref("app_sessions.id")
    successor: bytes | None = blob()  # the next token, sealed under this one (lost answers, two tabs)
    created_at: datetime = now()
    rotated_at: datetime | None = moment()


class OneTimeLink(SQLModel, table=True):
    """A link sent by the bot; its token is stored hashed, and is valid once, for one purpose."""

    __tablename__: ClassVar[Any] = "one_time_links"
    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    purpose: str  # admin
    user_id: UUID = ref("users.id")
    created_at: datetime = now()
    expires_at: datetime = moment(index=True, null=False)
    spent_at: datetime | None = moment()


class SignIn(SQLModel, table=True):
    """A successful or failed sign-in and its origin; the address is truncated after a month.

    Credentials are never stored, including init data that was refused.
    """

    __tablename__: ClassVar[Any] = "sign_ins"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: UUID | None = ref("users.id", null=True)  # None: it failed before the person was known
    session_id: UUID | None = None  # outlives the session's row
    door: str = "app"
    device: str = ""
    address: str | None = None
    outcome: str = "ok"  # or the error's code
    at: datetime = moment(index=True, now=True)
