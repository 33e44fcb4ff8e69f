"""Feeds: a channel or a search to be read in a feed reader, which signs in by the address alone."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import LargeBinary
from sqlmodel import Column, Field, SQLModel

from tg_assistant.models.base import blob, moment, now, ref


class Feed(SQLModel, table=True):
    """A private address of a channel's posts, or of the newest posts that a query finds; never of both."""

    __tablename__: ClassVar[Any] = "feeds"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    user_id: UUID = ref("users.id")
    hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))  # SHA-256 of the token
    channel_id: UUID | None = ref("channels.id", null=True)
    query: str | None = None
    created_at: datetime = now()
    last_used_at: datetime | None = moment()
    revoked_at: datetime | None = moment()
    etag: bytes | None = blob()  # of what was shown last, to say when that changed
    changed_at: datetime | None = moment()
