"""Tenants, people, invites and the audit trail."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey
from sqlmodel import Column, Field, SQLModel

from tg_assistant.models.base import json_object, mention, moment, now, readable, ref


class Role(StrEnum):
    user = "user"
    admin = "admin"
    owner = "owner"

    @property
    def rank(self) -> int:
        """The role's position in the order user < admin < owner, from 0."""
        return list(Role).index(self)


class Tenant(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "tenants"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    name: str
    index_generation: int = Field(default=1)  # incremented to re-index everything
    created_at: datetime = now()
    # retention in days; None is the default of `core/privacy/retention.py`
    keep_posts_days: int | None = None
    keep_questions_days: int | None = None
    keep_sign_ins_days: int | None = None
    keep_addresses_days: int | None = None
    keep_jobs_days: int | None = None
    keep_audit_days: int | None = None
    retained_at: datetime | None = moment()  # when expired data was last deleted


class User(SQLModel, table=True):
    """A Telegram person who has used the bot or the app; without a tenant until an invite is redeemed."""

    __tablename__: ClassVar[Any] = "users"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    telegram_id: int = Field(sa_column=Column(BigInteger, nullable=False, unique=True))
    first_name: str = ""
    last_name: str = ""
    username: str | None = None
    language: str = "en"  # ru or en
    language_chosen: bool = (
        False  # True: the person's choice, which Telegram's language code does not override
    )
    created_at: datetime = now()
    last_seen_at: datetime | None = moment()


class Membership(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "memberships"
    __table_args__ = (readable("memberships", "plan_expires_at"),)
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    user_id: UUID = Field(
        sa_column=Column(ForeignKey("users.id", ondelete="CASCADE"), nullable=False, unique=True)
    )
    role: str = Role.user.value
    plan: str = "free"
    plan_expires_at: datetime | None = moment()  # from then on the free plan applies
    disabled: bool = False
    version: int = 1  # incremented by every change, to detect conflicting changes
    created_at: datetime = now()


class Invite(SQLModel, table=True):
    """An invite to a tenant; `uses_limit` 0 is unlimited. Only `tenants.create` makes one for an owner."""

    __tablename__: ClassVar[Any] = "invites"
    __table_args__ = (readable("invites", "expires_at"),)
    code: str = Field(primary_key=True, max_length=12)
    tenant_id: UUID = ref("tenants.id")
    role: str = Role.user.value
    uses_limit: int = 1
    uses_count: int = 0
    active: bool = True
    expires_at: datetime | None = moment()
    created_at: datetime = now()
    created_by: UUID | None = mention("users.id")
    last_used_at: datetime | None = moment()
    last_used_by: UUID | None = mention("users.id")
    notes: str = ""


class InviteUse(SQLModel, table=True):
    """A use of an invite: the person and the time; `user_id` is null once the person is erased."""

    __tablename__: ClassVar[Any] = "invite_uses"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    code: str = ref("invites.code")
    user_id: UUID | None = mention("users.id")
    at: datetime = now()


class AuditEvent(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "audit_events"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID | None = ref("tenants.id", null=True)
    user_id: UUID | None = Field(
        default=None, index=True
    )  # the author; no foreign key, so that it outlives the user's row
    action: str  # noun.verb
    subject: str = ""
    detail: dict[str, Any] = json_object()
    at: datetime = moment(index=True, now=True)
