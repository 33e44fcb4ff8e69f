"""Channels of the admin's group: their size, how far they are read, and pausing one for everybody."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from tg_assistant.api import limits
from tg_assistant.api.deps import Call
from tg_assistant.api.pagination import Cursor, Limit, PageOut
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.administration import channel_overview
from tg_assistant.core.administration.channel_overview import ChannelSeen
from tg_assistant.core.retrieval.indexing import Trouble

router = APIRouter(prefix="/channels", tags=["admin: channels"])


class SeenChannelOut(BaseModel):
    id: UUID
    title: str | None = Field(description="null for a private channel the admin does not read")
    username: str | None
    private: bool
    paused: bool = Field(description="by an admin, for everybody")
    followers: int
    posts: int
    held: dict[Trouble, int] = Field(
        description="posts that cannot be searched after five tries, by the reason"
    )
    last_error: str | None
    last_error_at: datetime | None
    created_at: datetime


class GroupPauseIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    paused: bool


@router.get("")
async def list_group_channels(
    call: Call,
    search: Annotated[str, Query(max_length=100, description="in the title or @name")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[SeenChannelOut]:
    """Every channel somebody of the group follows, the latest added first."""
    async with call.open() as (db, actor):
        page = await channel_overview.list_channels(db, actor, search=search, limit=limit, cursor=cursor)
    return PageOut(items=[_channel(one) for one in page.items], next_cursor=page.next_cursor)


@router.patch("/{channel_id}", dependencies=[limits.by_user(Rule.admin)])
async def pause_group_channel(call: Call, channel_id: UUID, body: GroupPauseIn) -> SeenChannelOut:
    """Switch a channel off, or on again, for the whole group.

    Meanwhile nothing is loaded from it, and nothing of it is shown or quoted. Its posts stay, and come back.
    """
    async with call.open() as (db, actor):
        return _channel(await channel_overview.pause_channel(db, actor, channel_id, body.paused))


def _channel(seen: ChannelSeen) -> SeenChannelOut:
    channel = seen.channel
    shown = {"id", "private", "paused", "last_error", "last_error_at", "created_at"}
    return SeenChannelOut(
        **channel.model_dump(include=shown),
        title=channel.title if seen.named else None,
        username=channel.username if seen.named else None,
        followers=seen.followers,
        posts=seen.posts,
        held=seen.held,
    )
