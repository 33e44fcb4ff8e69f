"""Channels that nobody follows any more go, with all their posts and their part of the index."""

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
    """Request the purge of every channel without a follower whose job was lost or held."""
    followed = select(Subscription.channel_id).where(Subscription.tenant_id == tenant_id)
    left = select(Channel.id).where(Channel.tenant_id == tenant_id, col(Channel.id).not_in(followed))
    for channel_id in (await db.exec(left)).all():
        if not await jobs.waiting(db, Job.purge_channel, str(channel_id)):
            await jobs.enqueue(
                db, Job.purge_channel, {"tenant_id": str(tenant_id), "channel_id": str(channel_id)}
            )


async def purge_channel(rt: Runtime, tenant_id: UUID, channel_id: UUID) -> None:
    """Delete the channel unless somebody follows it again; may be repeated.

    To whom it was closed is kept. Rows go first, so that nothing is indexed anew behind our back. Raises
    Unavailable when Chroma is away: the job is tried again, and until then its chunks name no post any more.
    """
    async with rt.db.transaction(tenant_id) as db:
        query = select(Channel).where(Channel.id == channel_id, Channel.tenant_id == tenant_id)
        # following it again waits for this lock, and then starts afresh
        await db.exec(query.with_for_update())
        followers = select(Subscription.user_id).where(Subscription.channel_id == channel_id)
        if (await db.exec(followers)).first() is not None:
            return
        await showing.outlive(db, tenant_id, channel_id)
        await db.exec(delete(Channel).where(col(Channel.id) == channel_id))
    await indexing.forget_channel(rt, tenant_id, channel_id)
