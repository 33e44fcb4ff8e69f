"""Posts of the channels the caller may read, with their earlier versions and their links."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from tg_assistant.api.deps import Call
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.posts import posts
from tg_assistant.core.posts.posts import ShownPost

router = APIRouter(prefix="/api/posts", tags=["posts"])


class VersionOut(BaseModel):
    version: int
    text: str
    saved_at: datetime


class PostOut(BaseModel):
    id: UUID
    channel_id: UUID
    channel_title: str
    message_id: int = Field(description="Telegram's number of the message in its channel")
    posted_at: datetime
    edited_at: datetime | None
    text: str
    media: str | None = Field(examples=["photo"])
    forward_title: str | None = Field(description="where it was forwarded from")
    views: int | None
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
    versions = [VersionOut.model_validate(v, from_attributes=True) for v in shown.versions]
    return PostWithVersionsOut(**fields_of(shown), versions=versions)


def fields_of(shown: ShownPost) -> dict[str, Any]:
    """What `PostOut` says of a post."""
    own = shown.post.model_dump(include=set(PostOut.model_fields) - {"channel_title", "url"})
    return {**own, "channel_title": shown.channel.title, "url": shown.url}
