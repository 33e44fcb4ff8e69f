"""Posts from a file beside those from Telegram: what Telegram told is never replaced by what a file says."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.posts import ingestion
from tg_assistant.core.posts.ingestion import IncomingPost, Saved
from tg_assistant.models import Channel, Post

_NEVER = datetime.min.replace(tzinfo=UTC)


async def channels_of(db: AsyncSession, tenant_id: UUID) -> dict[int, Channel]:
    """Return the tenant's channels by Telegram id. For the operator, who may add posts to any of them."""
    query = select(Channel).where(Channel.tenant_id == tenant_id)
    return {channel.telegram_id: channel for channel in await db.exec(query)}


async def save(db: AsyncSession, channel_id: UUID, incoming: Sequence[IncomingPost]) -> Saved:
    """Save posts of an export: new ones, and those that the file has in a later edit than we do.

    A repetition changes nothing. A deleted post stays deleted. No range of ids becomes known: an export
    says nothing of the messages between its own, so history is still read where it was not. Raises NotFound
    when the channel is deleted.
    """
    # the lock of every writer of posts, so that nothing newer is saved between the look and the writing
    await db.exec(select(Channel.id).where(Channel.id == channel_id).with_for_update(key_share=True))
    wanted = {post.message_id: post for post in incoming}
    query = select(Post.message_id, Post.edited_at).where(
        Post.channel_id == channel_id, col(Post.message_id).in_(wanted)
    )
    for message_id, edited_at in await db.exec(query):
        if (wanted[message_id].edited_at or _NEVER) <= (edited_at or _NEVER):
            del wanted[message_id]
    if not wanted:
        return Saved(0, 0)
    return await ingestion.save_page(db, channel_id, list(wanted.values()), [], via="import")
