"""Deletion of channels without followers, with all their posts and their part of the index."""

from uuid import UUID

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.answers import showing
from tg_assistant.core.names import Job
from tg_assistant.core.retrieval import indexing
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, Subscription


async def plan(db: AsyncSession, tenant_id: UUID) -> None:
    """Enqueue the purge of each channel without followers that has no job waiting for it."""
    followed = select(Subscription.channel_id).where(Subscription.tenant_id == tenant_id)
    left = select(Channel.id).where(Channel.tenant_id == tenant_id, col(Channel.id).not_in(followed))
    for channel_id in (await db.exec(left)).all():
        if not await jobs.waiting(db, Job.purge_channel, str(channel_id)):
            await jobs.enqueue(
                db, Job.purge_channel, {"tenant_id": str(tenant_id), "channel_id": str(channel_id)}
            )


async def purge_channel(rt: Runtime, tenant_id: UUID, channel_id: UUID) -> None:
    """Delete the channel unless it has followers again; may be repeated. The handler of `Job.purge_channel`.

    Stores to whom it was closed. Rows are deleted first, so that nothing is indexed again meanwhile. Raises
    Unavailable when Chroma is: the job is retried, and until then Chroma has vectors of chunks without posts.
    """
    async with rt.db.transaction(tenant_id) as db:
        query = select(Channel).where(Channel.id == channel_id, Channel.tenant_id == tenant_id)
        # a concurrent new follower waits for this lock, and then creates the channel anew
        await db.exec(query.with_for_update())
        followers = select(Subscription.user_id).where(Subscription.channel_id == channel_id)
        if (await db.exec(followers)).first() is not None:
            return
        await showing.outlive(db, tenant_id, channel_id)
        await db.exec(delete(Channel).where(col(Channel.id) == channel_id))
    await indexing.forget_channel(rt, tenant_id, channel_id)
