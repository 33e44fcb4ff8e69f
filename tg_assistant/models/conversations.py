"""Questions with their answers, the bot's updates and what the bot owes people."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Column, Field, SQLModel

from tg_assistant.models.base import big, json_object, moment, now, ref


class Question(SQLModel, table=True):
    """A question with its answer and sources as given; `sources` is the list the person saw."""

    __tablename__: ClassVar[Any] = "questions"
    __table_args__ = (Index("ix_questions_user_created", "user_id", "created_at"),)
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    user_id: UUID = ref("users.id", index=False)
    door: str
    question: str
    answer: str | None = None
    sources: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'"))
    )
    # pairs of channel and address: what a language model was shown and did not name may stand in its words
    also_read: list[list[str]] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'"))
    )
    abstained: bool | None = None
    confidence: float | None = None
    milliseconds: int | None = None
    variant: str | None = None  # of the running experiment, if the answer was part of it
    # counted before each try to answer: what killed a process is not tried for ever
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    tried_at: datetime | None = moment()  # when the try under way was last heard of; null: none is
    created_at: datetime = now()


class BotUpdate(SQLModel, table=True):
    """An update of the bot, committed before Telegram is told that we have it."""

    __tablename__: ClassVar[Any] = "bot_updates"
    update_id: int = big(primary_key=True)
    payload: dict[str, Any] = json_object()
    received_at: datetime = now()
    attempts: int = 0
    done_at: datetime | None = moment(index=True)


class Heartbeat(SQLModel, table=True):
    """When a process last did its work; told by itself, read by the health addresses of another."""

    __tablename__: ClassVar[Any] = "heartbeats"
    process: str = Field(primary_key=True)
    at: datetime = now()


class Notification(SQLModel, table=True):
    """A message the bot owes a person: a text code with its values, sent in the person's language."""

    __tablename__: ClassVar[Any] = "notifications"
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID | None = ref("tenants.id", null=True)
    user_id: UUID = ref("users.id")
    code: str
    args: dict[str, Any] = json_object()
    attempts: int = 0
    not_before: datetime = now()
    created_at: datetime = now()
    sent_at: datetime | None = moment(index=True)
