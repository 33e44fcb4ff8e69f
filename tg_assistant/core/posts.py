"""Posts as their readers see them; `incoming` saves them."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import channels
from tg_assistant.core.access import Actor, scoped
from tg_assistant.core.incoming import IncomingPost, mark_deleted, save_live, save_page
from tg_assistant.errors import Invalid, NotFound
from tg_assistant.models import Channel, Post, PostVersion

__all__ = ["IncomingPost", "get", "list_", "mark_deleted", "permalink", "save_live", "save_page"]
MAX_PAGE = 100


@dataclass(frozen=True)
class ShownPost:
    """A post with what a reader needs around it. `versions` are its earlier texts, oldest first."""

    post: Post
    channel: Channel
    url: str
    versions: list[PostVersion] = field(default_factory=list)


@dataclass(frozen=True)
class PostPage:
    items: list[ShownPost]
    next_cursor: str | None


def permalink(channel: Channel, message_id: int) -> str:
    """Where Telegram opens the post: https://core.telegram.org/api/links#message-links."""
    place = channel.username or f"c/{channel.telegram_id}"
    return f"https://t.me/{place}/{message_id}"


async def get(db: AsyncSession, actor: Actor, post_id: UUID) -> ShownPost:
    """Raises NotFound for a deleted post and for one of a channel the actor may not read."""
    post = (await db.exec(scoped(Post, actor).where(Post.id == post_id))).first()
    if post is None or post.deleted_at or not await channels.readable_ids(db, actor, [post.channel_id]):
        raise NotFound("posts.not_found")
    channel = await db.get_one(Channel, post.channel_id)
    query = select(PostVersion).where(PostVersion.post_id == post.id).order_by(col(PostVersion.version))
    versions = list(await db.exec(query))
    return ShownPost(post, channel, permalink(channel, post.message_id), versions)


async def list_(
    db: AsyncSession,
    actor: Actor,
    channel_ids: Sequence[UUID] | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> PostPage:
    """Newest first, over the readable ones of `channel_ids` (None: all). `limit` is cut to 1…100."""
    readable = await channels.readable_ids(db, actor, channel_ids)
    limit = max(1, min(limit, MAX_PAGE))
    query = scoped(Post, actor).where(col(Post.channel_id).in_(readable), col(Post.deleted_at).is_(None))
    if cursor:
        query = query.where(tuple_(col(Post.posted_at), col(Post.id)) < tuple_(*_after(cursor)))
    query = query.order_by(col(Post.posted_at).desc(), col(Post.id).desc()).limit(limit + 1)
    found = list(await db.exec(query))
    known = {c.id: c for c in await db.exec(scoped(Channel, actor).where(col(Channel.id).in_(readable)))}
    shown = [ShownPost(p, known[p.channel_id], permalink(known[p.channel_id], p.message_id)) for p in found]
    return PostPage(shown[:limit], _cursor(found[limit - 1]) if len(found) > limit else None)


def _cursor(post: Post) -> str:
    return base64.urlsafe_b64encode(json.dumps([post.posted_at.isoformat(), str(post.id)]).encode()).decode()


def _after(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, post_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        return datetime.fromisoformat(moment), UUID(post_id)
    except (ValueError, TypeError, AttributeError):
        raise Invalid("posts.bad_cursor") from None
