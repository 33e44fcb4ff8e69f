"""Posts of the channels the caller may read, with their earlier versions and their links."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tg_assistant.api.deps import Call
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.posts import formatting, posts
from tg_assistant.core.posts.posts import ShownPost

router = APIRouter(prefix="/api/posts", tags=["posts"])


class EntityOut(BaseModel):
    """A piece of formatting of the text."""

    kind: str = Field(description="as in the Bot API", examples=["strikethrough"])
    offset: int = Field(description="in UTF-16 code units")
    length: int = Field(description="in UTF-16 code units")
    url: str | None = None
    language: str | None = None


class PartOut(BaseModel):
    """Something that can be read in the post besides its text; `text` says where it is from."""

    origin: str = Field(examples=["poll"])
    text: str


class ReactionOut(BaseModel):
    emoji: str
    count: int


class VersionOut(BaseModel):
    version: int
    text: str
    entities: list[EntityOut]
    parts: list[PartOut]
    saved_at: datetime


class PostOut(BaseModel):
    id: UUID
    channel_id: UUID
    channel_title: str
    message_id: int = Field(description="Telegram's number of the message in its channel")
    posted_at: datetime
    edited_at: datetime | None
    text: str = Field(description="as shown, with what is struck out")
    entities: list[EntityOut]
    parts: list[PartOut]
    said: str = Field(description="what is searched and quoted: without what is struck out, with the parts")
    media: str | None = Field(examples=["photo"])
    forward_title: str | None = Field(description="where it was forwarded from")
    reply_to: int | None = Field(description="the message of the same channel that it answers")
    views: int | None
    forwards: int | None
    reactions: list[ReactionOut]
    counted_at: datetime | None = Field(description="when views, forwards and reactions were seen to change")
    url: str = Field(description="opens the post in Telegram", examples=["https://t.me/durov/1"])
    version: int = Field(description="1 until it is edited")


class PostWithVersionsOut(PostOut):
    versions: list[VersionOut]


@router.get("")
async def list_posts(
    call: Call,
    channel_id: Annotated[list[UUID] | None, Query(max_length=200, description="all when left out")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> PageOut[PostOut]:
    """Newest first."""
    async with call.open() as (db, actor):
        page = await posts.list_(db, actor, channel_id, limit, cursor)
    return PageOut(items=[PostOut(**fields_of(item)) for item in page.items], next_cursor=page.next_cursor)


@router.get("/{post_id}")
async def get_post(call: Call, post_id: UUID) -> PostWithVersionsOut:
    """One post; `versions` are its earlier texts, the oldest first."""
    async with call.open() as (db, actor):
        shown = await posts.get(db, actor, post_id)
    versions = [
        VersionOut.model_validate(v.model_dump() | {"entities": v.entities or []}) for v in shown.versions
    ]
    return PostWithVersionsOut(**fields_of(shown), versions=versions)


def fields_of(shown: ShownPost) -> dict[str, Any]:
    """What `PostOut` says of a post."""
    post = shown.post
    own = post.model_dump(include=set(PostOut.model_fields) - {"channel_title", "url", "said", "entities"})
    words = {"entities": post.entities or [], "said": formatting.unjoined(post.said)}
    return {**own, **words, "channel_title": shown.channel.title, "url": shown.url}
