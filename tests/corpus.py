"""Posts put straight into the database, with readers of their channels: for index and answer tests."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import col, select

from tests.people import member, tenant
from tg_assistant.core.actor import Actor
from tg_assistant.core.posts import ingestion
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, Post, Subscription, Tenant

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def a_tenant(rt: Runtime) -> Tenant:
    async with rt.db.transaction() as db:
        return await tenant(db)


async def a_reader(rt: Runtime, where: Tenant, telegram_id: int, follows: Sequence[UUID] = ()) -> Actor:
    """A member who follows public channels."""
    async with rt.db.transaction(where.id) as db:
        reader = await member(db, where, telegram_id)
        await db.flush()
        for channel_id in follows:
            db.add(Subscription(user_id=reader.user_id, channel_id=channel_id, tenant_id=where.id))
    return reader


async def a_channel(
    rt: Runtime, where: Tenant, texts: Sequence[str] | Mapping[int, str], *, number: int = 1
) -> Channel:
    """A public channel with these posts, an hour apart, the last one the newest."""
    numbered = texts if isinstance(texts, Mapping) else dict(enumerate(texts, start=1))
    channel = Channel(
        tenant_id=where.id, telegram_id=number, title=f"Channel {number}", username=f"channel_{number}"
    )
    async with rt.db.transaction(where.id) as db:
        db.add(channel)
        await db.flush()
        incoming = [incoming_post(id_, text) for id_, text in numbered.items()]
        for start in range(0, len(incoming), 500):
            await ingestion.save_page(db, channel.id, incoming[start : start + 500], [], via="backfill")
    return channel


def incoming_post(message_id: int, text: str, **fields: object) -> ingestion.IncomingPost:
    posted_at = NOW - timedelta(hours=10_000 - message_id)
    return ingestion.IncomingPost(message_id=message_id, posted_at=posted_at, text=text, **fields)


async def stored(rt: Runtime, channel: Channel) -> dict[int, Post]:
    """The channel's posts by message id."""
    async with rt.db.transaction(channel.tenant_id) as db:
        query = select(Post).where(col(Post.channel_id) == channel.id)
        return {post.message_id: post for post in await db.exec(query)}
