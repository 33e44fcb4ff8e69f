"""Linked Telegram accounts: QR logins, sealed sessions, leases, and work that needs a session."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Boolean, Computed, Index, LargeBinary
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Column, Field, SQLModel

from tg_assistant.models.base import big, blob, json_object, mention, moment, now, ref, secret


class LoginStatus(StrEnum):
    pending = "pending"  # waiting for ingest
    awaiting_scan = "awaiting_scan"
    password_required = "password_required"
    authorized = "authorized"
    failed = "failed"
    expired = "expired"
    cancelled = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the attempt is over: its status never changes again."""
        return self in {
            LoginStatus.authorized,
            LoginStatus.failed,
            LoginStatus.expired,
            LoginStatus.cancelled,
        }


class AccountStatus(StrEnum):
    connected = "connected"
    ended = "ended"  # Telegram ended the session (reason in `ended_reason`); the person may connect again
    logged_out = "logged_out"  # the person logged out; the key is destroyed


def is_given(column: str) -> Any:
    """A generated column: whether `column`, which may not be read, has a value. None until flushed."""
    said = Computed(f"{column} IS NOT NULL", persisted=True)
    return Field(default=None, sa_column=Column(Boolean, said, nullable=False))


class Account(SQLModel, table=True):
    """A linked Telegram account. Only ingest can open `sealed_session`; `lease_*` name the owning process."""

    __tablename__: ClassVar[Any] = "accounts"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    user_id: UUID = ref("users.id")
    telegram_id: int = big()
    status: str = AccountStatus.connected.value
    ended_reason: str | None = None
    sealed_session: bytes | None = secret()
    update_state: dict[str, Any] = json_object()  # pts, qts, date, seq
    device: str = ""
    connected_at: datetime = now()
    last_ok_at: datetime | None = moment()
    dialogs_at: datetime | None = moment()  # when the list of channels was last read
    group_ids: list[int] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'"))
    )  # of its groups then, to refuse them by what they are; emptied with the log-out
    lease_owner: str | None = None
    lease_epoch: int = 0
    lease_until: datetime | None = moment(index=True)


class Login(SQLModel, table=True):
    """One attempt to connect an account by QR. A row with a final status holds no secret."""

    __tablename__: ClassVar[Any] = "logins"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    user_id: UUID = ref("users.id")
    session_id: UUID | None = mention("app_sessions.id", index=True)  # the attempt ends with this session
    status: str = LoginStatus.pending.value
    reason: str | None = None
    retry_after: int | None = None  # seconds, with reason flood_wait
    waits: dict[str, float] = json_object()  # method → Unix time before which Telegram wants no call
    device: str = ""
    link_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary, unique=True))
    page_hash: bytes | None = Field(
        default=None, sa_column=Column(LargeBinary, unique=True)
    )  # of the token that the link was exchanged for
    qr_url: str | None = None  # tg://login?token=… while shown
    qr_expires_at: datetime | None = moment()
    password_hint: str | None = None
    password_key: bytes | None = blob()  # X25519 public half, made by ingest for this attempt
    password_sealed: bytes | None = secret()  # written by web, read by ingest
    password_waiting: bool = is_given("password_sealed")
    password_tries: int = 0
    pending_session: bytes | None = (
        secret()
    )  # sealed key of an unfinished login; the janitor logs out abandoned ones
    key_pending: bool = is_given("pending_session")
    account_id: UUID | None = None
    lease_owner: str | None = None
    lease_epoch: int = 0
    lease_until: datetime | None = moment()
    created_at: datetime = moment(index=True, now=True)
    updated_at: datetime = now()
    expires_at: datetime = moment(null=False)


class AccountTask(SQLModel, table=True):
    """Work that needs a Telegram session; only the account's lease holder claims it, under its epoch."""

    __tablename__: ClassVar[Any] = "account_tasks"
    __table_args__ = (
        Index("ix_account_tasks_open", "account_id", "not_before", postgresql_where=sql("done_at IS NULL")),
    )
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    account_id: UUID = ref("accounts.id", index=False)
    kind: str  # resolve, list_channels, history, log_out …
    args: dict[str, Any] = json_object()
    priority: int = 0  # higher first: tasks that a person waits for
    not_before: datetime = now()
    deadline: datetime | None = moment()
    attempts: int = 0
    claimed_epoch: int | None = None
    claimed_at: datetime | None = moment()
    done_at: datetime | None = moment()
    result: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    error: str | None = None  # code of an AssistantError
    error_values: dict[str, Any] = json_object()
    created_at: datetime = now()


class KeyRotation(SQLModel, table=True):
    """The operator's request to re-encrypt every sealed session with the newest key, and its progress."""

    __tablename__: ClassVar[Any] = "key_rotations"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    requested_at: datetime = now()
    keys: list[str] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'"))
    )  # ids that ingest has, the newest last; empty until it has begun
    rewrapped: int = 0
    unknown: dict[str, int] = json_object()  # id of a key that ingest lacks → number of envelopes under it
    broken: int = 0  # envelopes altered, or copied from another row
    error: str | None = None  # a sentence: why it could not be done
    done_at: datetime | None = moment()


class MethodWait(SQLModel, table=True):
    """A FLOOD_WAIT of an account and method: no call before `not_before`."""

    __tablename__: ClassVar[Any] = "method_waits"
    account_id: UUID = ref("accounts.id", primary_key=True, index=False)
    method: str = Field(primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    not_before: datetime = moment(null=False)


class AccountBudget(SQLModel, table=True):
    """How much of one kind of requests an account has used up: until when, at the budget's pace."""

    __tablename__: ClassVar[Any] = "account_budgets"
    account_id: UUID = ref("accounts.id", primary_key=True, index=False)
    kind: str = Field(primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    spent_until: datetime = moment(null=False)


class Dialog(SQLModel, table=True):
    """A channel in an account's own list of dialogs, stored so that choosing needs no call to Telegram."""

    __tablename__: ClassVar[Any] = "dialogs"
    account_id: UUID = ref("accounts.id", primary_key=True, index=False)
    telegram_id: int = big(primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    access_hash: int = secret(BigInteger, null=False)
    title: str
    username: str | None = None
    private: bool = False
    members: int | None = None
    folder: str | None = None
    position: int = 0
