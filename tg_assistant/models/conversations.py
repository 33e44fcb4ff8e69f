"""Questions with their answers, the bot's updates, heartbeats, and messages for the bot to send."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import Index
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Column, Field, SQLModel

from tg_assistant.models.base import big, json_object, moment, now, ref


class Question(SQLModel, table=True):
    """A question with its answer; `sources` is the list as shown to the person."""

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
    # pairs of channel id and post address that a language model read but did not cite: its text may use them
    also_read: list[list[str]] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'"))
    )
    abstained: bool | None = None
    confidence: float | None = None
    milliseconds: int | None = None
    intent: str | None = None  # what kind of answer it wanted
    resolved: str | None = None  # the question with what it took from the one before it
    variant: str | None = None  # of the running experiment, if the answer was part of it
    # counted before each try to answer, so that a question that kills processes is not retried for ever
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": sql("0")})
    tried_at: datetime | None = moment()  # last heartbeat of the try in progress; null: none
    created_at: datetime = now()


class BotUpdate(SQLModel, table=True):
    """An update of the bot, committed before its receipt is confirmed to Telegram."""

    __tablename__: ClassVar[Any] = "bot_updates"
    update_id: int = big(primary_key=True)
    payload: dict[str, Any] = json_object()
    received_at: datetime = now()
    attempts: int = 0
    done_at: datetime | None = moment(index=True)


class Heartbeat(SQLModel, table=True):
    """When a process last did its work: written by itself, read by other processes' health checks."""

    __tablename__: ClassVar[Any] = "heartbeats"
    process: str = Field(primary_key=True)
    at: datetime = now()


class Notification(SQLModel, table=True):
    """A message for the bot to send: a text code with its values, sent in the person's language."""

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
