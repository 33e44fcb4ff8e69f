"""Reading posts; `ingestion` saves them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import pagination
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.channels import channels
from tg_assistant.core.pagination import Order, Page
from tg_assistant.core.posts.ingestion import VERSIONS
from tg_assistant.errors import NotFound
from tg_assistant.models import Channel, Post, PostVersion

NEWEST = Order[Post](col(Post.posted_at), col(Post.id), lambda post: (post.posted_at, post.id))


@dataclass(frozen=True)
class ShownPost:
    """A post with its channel and URL. `versions` are its earlier texts, the oldest first."""

    post: Post
    channel: Channel
    url: str
    versions: list[PostVersion] = field(default_factory=list)


def permalink(channel: Channel, message_id: int) -> str:
    """Return the post's URL in Telegram: https://core.telegram.org/api/links#message-links."""
    place = channel.username or f"c/{channel.telegram_id}"
    return f"https://t.me/{place}/{message_id}"


async def get(db: AsyncSession, actor: Actor, post_id: UUID) -> ShownPost:
    """Return a post with its versions. Raises NotFound for a deleted one and one the actor may not read."""
    found = await among(db, actor, [post_id])
    if not found:
        raise NotFound("posts.not_found")
    return replace(found[0], versions=(await versions(db, actor, [post_id])).get(post_id, []))


async def among(db: AsyncSession, actor: Actor, post_ids: Sequence[UUID]) -> list[ShownPost]:
    """Return those of `post_ids` that exist and the actor may read, in the given order, without versions."""
    query = scoped(Post, actor).where(col(Post.id).in_(post_ids), col(Post.deleted_at).is_(None))
    found = {post.id: post for post in await db.exec(query)}
    places = list({post.channel_id for post in found.values()})
    readable = await channels.readable_ids(db, actor, places)
    known = {c.id: c for c in await db.exec(scoped(Channel, actor).where(col(Channel.id).in_(readable)))}
    ordered = [found[post_id] for post_id in post_ids if post_id in found]
    return [_shown(post, known[post.channel_id]) for post in ordered if post.channel_id in known]


async def versions(db: AsyncSession, actor: Actor, post_ids: Sequence[UUID]) -> dict[UUID, list[PostVersion]]:
    """Return earlier texts, the oldest first, by post that the actor may read; without posts never edited.

    Of each post the first and the newest, `VERSIONS` in all, even if more were stored before that limit.
    """
    readable = [one.post.id for one in await among(db, actor, post_ids)]
    kept = or_(col(PostVersion.version) == 1, col(PostVersion.version) > col(Post.version) - VERSIONS)
    of_post = scoped(PostVersion, actor).join(Post, col(Post.id) == col(PostVersion.post_id))
    query = of_post.where(col(PostVersion.post_id).in_(readable), kept)
    found: dict[UUID, list[PostVersion]] = {}
    for version in await db.exec(query.order_by(col(PostVersion.version))):
        found.setdefault(version.post_id, []).append(version)
    return found


def _shown(post: Post, channel: Channel) -> ShownPost:
    return ShownPost(post, channel, permalink(channel, post.message_id))


async def list_(
    db: AsyncSession,
    actor: Actor,
    channel_ids: Sequence[UUID] | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> Page[ShownPost]:
    """Return posts of the readable ones of `channel_ids` (None: all), the newest first.

    `limit` is clamped to 1…100. Raises Invalid for a cursor that was never issued.
    """
    readable = await channels.readable_ids(db, actor, channel_ids)
    query = scoped(Post, actor).where(col(Post.channel_id).in_(readable), col(Post.deleted_at).is_(None))
    found = await pagination.page(db, query, NEWEST, limit=limit, cursor=cursor)
    known = {c.id: c for c in await db.exec(scoped(Channel, actor).where(col(Channel.id).in_(readable)))}
    return Page([_shown(post, known[post.channel_id]) for post in found.items], found.next_cursor)


def cursor_of(post: Post) -> str:
    """Return the cursor of the page of `list_` that starts after this post."""
    return pagination.cursor_of(NEWEST.of(post))
