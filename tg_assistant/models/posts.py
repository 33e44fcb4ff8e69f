"""Channels, access to them, their posts with versions, and the index's projection."""

from datetime import UTC, date, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Computed, Date, Index, LargeBinary, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlmodel import Column, Field, SQLModel

from tg_assistant.models.base import big, moment, now, ref, secret

# `checked_at` of an access that the account has not yet verified
UNCHECKED = datetime(1970, 1, 1, tzinfo=UTC)
MAX_INDEX_ATTEMPTS = 5  # failed tries after which a post is held: not indexed until it is edited


class Channel(SQLModel, table=True):
    """A Telegram channel of one tenant. `telegram_id` is without the prefix −100."""

    __tablename__: ClassVar[Any] = "channels"
    __table_args__ = (UniqueConstraint("tenant_id", "telegram_id"),)
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id", index=False)
    telegram_id: int = big()
    title: str
    username: str | None = None
    about: str = ""
    private: bool = False
    members: int | None = None
    top_message_id: int = 0  # the newest message id known from Telegram
    backfill_done_at: datetime | None = moment()
    last_error: str | None = None  # an error code, shown as a sentence
    last_error_at: datetime | None = moment()
    paused: bool = Field(default=False, sa_column_kwargs={"server_default": sql("false")})  # by an admin
    unread_since: datetime | None = moment()  # when it lost its last follower with access
    created_at: datetime = now()


class ChannelAccess(SQLModel, table=True):
    """An account's access to a channel: its access hash, when it was last verified, and when it was lost."""

    __tablename__: ClassVar[Any] = "channel_access"
    account_id: UUID = ref("accounts.id", primary_key=True, index=False)
    channel_id: UUID = ref("channels.id", primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    user_id: UUID = ref("users.id")
    access_hash: int = secret(BigInteger, null=False)
    checked_at: datetime = now()
    lost_at: datetime | None = moment()
    looked_at: datetime | None = moment()  # when Telegram was last asked about a lost one


class LostChannel(SQLModel, table=True):
    """A deleted channel to which this person had lost access before: its posts are not shown to them."""

    __tablename__: ClassVar[Any] = "lost_channels"
    user_id: UUID = ref("users.id", primary_key=True, index=False)
    channel_id: UUID = Field(primary_key=True)
    tenant_id: UUID = ref("tenants.id")


class Subscription(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "subscriptions"
    user_id: UUID = ref("users.id", primary_key=True, index=False)
    channel_id: UUID = ref("channels.id", primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    paused: bool = False
    # the title that this person last knew, if the channel was renamed while they could not read it (0018)
    shown_title: str | None = None
    created_at: datetime = now()


class ChannelRange(SQLModel, table=True):
    """A range of message ids, low…high (inclusive), read completely. A channel's ranges never touch."""

    __tablename__: ClassVar[Any] = "channel_ranges"
    channel_id: UUID = ref("channels.id", primary_key=True, index=False)
    low: int = Field(primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    high: int


class Comparison(SQLModel, table=True):
    """When a channel's posts were compared with Telegram: ids from `newest_low` on at `newest_at`.

    A pass goes through the older ones, newest first; `older_below` is the id below which it continues, 0 at
    its start. It began at `older_since`; the latest complete one at `older_before`.
    """

    __tablename__: ClassVar[Any] = "comparisons"
    channel_id: UUID = ref("channels.id", primary_key=True, index=False)
    tenant_id: UUID = ref("tenants.id")
    newest_at: datetime | None = moment()
    newest_low: int = 0
    older_below: int = 0
    older_since: datetime | None = moment()
    older_before: datetime | None = moment()


# Quotation marks and dashes become spaces: outside UTF-8 locales PostgreSQL's parser treats them as letters.
_TSV = (
    "to_tsvector('russian', translate(coalesce(said_text, text) || ' ' || hosts,"
    " 'ёЁ«»„“”‘’–—…№\u2060', 'еЕ            '))"
)


def _json_list() -> Any:
    return Field(default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=sql("'[]'")))


def _entities() -> Any:
    return Field(default=None, sa_column=Column(JSONB(none_as_null=True), nullable=True))


class Post(SQLModel, table=True):
    """A message of a channel in its latest version. `indexed_generation` 0 = dirty.

    `text` and `entities` are shown; `said` is searched and quoted (docs/adr/0008). `entities` are
    {kind, offset, length, url?, language?}, kinds as in the Bot API, offsets and lengths in UTF-16 units;
    None: read before entities were stored. `parts` are {origin, text}, what can be read besides the text.
    """

    __tablename__: ClassVar[Any] = "posts"
    __table_args__ = (
        UniqueConstraint("channel_id", "message_id"),
        Index("ix_posts_tsv", "tsv", postgresql_using="gin"),
        Index("ix_posts_channel_posted", "channel_id", "posted_at"),
        Index("ix_posts_dates", "dates", postgresql_using="gin"),
        Index("ix_posts_dirty", "tenant_id", postgresql_where=sql("indexed_generation = 0")),
    )
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    tenant_id: UUID = ref("tenants.id", index=False)
    channel_id: UUID = ref("channels.id", index=False)
    message_id: int
    posted_at: datetime = moment(null=False)
    edited_at: datetime | None = moment()
    deleted_at: datetime | None = moment()
    text: str = ""
    entities: list[dict[str, Any]] | None = _entities()
    parts: list[dict[str, str]] = _json_list()
    said_text: str | None = None  # where it differs from `text`
    text_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False, index=True))  # SHA-256 of `said`
    links: list[str] = _json_list()
    hosts: str = Field(default="", sa_column_kwargs={"server_default": ""})  # of links the text does not show
    media: str | None = None  # photo, video, document, poll …
    album_id: int | None = big(null=True)
    forward_title: str | None = None
    forward_channel: int | None = big(null=True)  # Telegram id of the source channel
    forward_message: int | None = None
    reply_to: int | None = None  # message id of the post that this one answers, in the same channel
    views: int | None = None
    forwards: int | None = None
    reactions: list[dict[str, Any]] = _json_list()  # {emoji, count}, the most frequent first
    counted_at: datetime | None = moment()  # when these counts were last seen to change
    dates: list[date] | None = Field(default=None, sa_column=Column(ARRAY(Date)))  # days it mentions
    version: int = 1
    indexed_generation: int = 0
    # Counted before each try; held after 5, so that one bad post does not stop the rest. Admins see why.
    index_attempts: int = 0  # MAX_INDEX_ATTEMPTS: held, not tried again
    index_error: str | None = None
    saved_at: datetime = now()
    tsv: Any = Field(default=None, sa_column=Column(TSVECTOR, Computed(_TSV, persisted=True)))

    @property
    def said(self) -> str:
        """What the post says: its text without what is struck out, then its parts."""
        return self.text if self.said_text is None else self.said_text


class PostVersion(SQLModel, table=True):
    """An earlier text of an edited post."""

    __tablename__: ClassVar[Any] = "post_versions"
    post_id: UUID = ref("posts.id", primary_key=True, index=False)
    version: int = Field(primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    text: str
    entities: list[dict[str, Any]] | None = _entities()
    parts: list[dict[str, str]] = _json_list()
    saved_at: datetime = now()


class Chunk(SQLModel, table=True):
    """A piece of a post as stored in Chroma; `id` is derived from the post and the number `n`."""

    __tablename__: ClassVar[Any] = "chunks"
    id: UUID = Field(primary_key=True)
    tenant_id: UUID = ref("tenants.id")
    channel_id: UUID = ref("channels.id")
    post_id: UUID = ref("posts.id")
    n: int
    text: str
    text_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    generation: int


class Vector(SQLModel, table=True):
    """Embeddings by model and text hash, shared by all tenants; float32 little-endian."""

    __tablename__: ClassVar[Any] = "vectors"
    model: str = Field(primary_key=True)
    text_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    embedding: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = now()
