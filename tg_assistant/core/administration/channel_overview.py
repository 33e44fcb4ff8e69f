"""The group's channels as its admins see them: sizes and problems; private ones without their names."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core import audit, pagination
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.channels import channels, following
from tg_assistant.core.pagination import Order, Page
from tg_assistant.core.retrieval import indexing
from tg_assistant.core.retrieval.indexing import Trouble
from tg_assistant.errors import NotFound
from tg_assistant.models import Channel, Post, Role, Subscription


@dataclass(frozen=True)
class ChannelSeen:
    """A channel with its numbers. `named` is False for a private channel that the admin may not read.

    Its name must not be shown: which private channels others read is their own affair.
    """

    channel: Channel
    named: bool
    followers: int
    posts: int
    held: dict[Trouble, int]  # by reason, the number of posts whose indexing has failed for good


async def list_channels(
    db: AsyncSession, actor: Actor, *, search: str = "", limit: int = 50, cursor: str | None = None
) -> Page[ChannelSeen]:
    """Return the group's channels, the latest added first; `search` covers those the admin may see by name.

    Raises NotAllowed for anyone below admin, and Invalid for a cursor that was never issued.
    """
    actor.require(Role.admin)
    readable = await channels.readable_ids(db, actor, switched_off=True)
    named = ~col(Channel.private) | col(Channel.id).in_(readable)
    query = scoped(Channel, actor)
    if words := search.strip():
        pattern = pagination.like(words.removeprefix("@"))
        query = query.where(named, col(Channel.title).ilike(pattern) | col(Channel.username).ilike(pattern))
    order = Order[Channel](col(Channel.created_at), col(Channel.id), lambda one: (one.created_at, one.id))
    found = await pagination.page(db, query, order, limit=limit, cursor=cursor)
    return Page(await _seen(db, actor, found.items, readable), found.next_cursor)


async def pause_channel(db: AsyncSession, actor: Actor, channel_id: UUID, paused: bool) -> ChannelSeen:
    """Pause or resume a channel for the whole group. Raises NotFound, and NotAllowed for anyone below admin.

    While it is paused nothing is loaded from it and nothing of it is shown; its posts stay stored.
    """
    actor.require(Role.admin)
    channel = (await db.exec(scoped(Channel, actor).where(Channel.id == channel_id))).first()
    if channel is None:
        raise NotFound("channels.not_found")
    channel.paused = paused
    db.add(channel)
    await db.flush()
    await audit.record(db, actor, "channel.pause" if paused else "channel.resume", channel_id)
    await following.announce(db, channel)
    readable = await channels.readable_ids(db, actor, switched_off=True)
    return (await _seen(db, actor, [channel], readable))[0]


async def _seen(
    db: AsyncSession, actor: Actor, found: list[Channel], readable: list[UUID]
) -> list[ChannelSeen]:
    ids = [channel.id for channel in found]
    followers = await _count(db, Subscription, ids, Subscription.tenant_id == actor.tenant)
    posts = await _count(db, Post, ids, col(Post.deleted_at).is_(None))
    held = await indexing.held(db, ids)
    return [
        ChannelSeen(
            one,
            not one.private or one.id in readable,
            followers.get(one.id, 0),
            posts.get(one.id, 0),
            held.get(one.id, {}),
        )
        for one in found
    ]


async def _count(db: AsyncSession, model: Any, ids: list[UUID], condition: Any) -> dict[UUID, int]:
    query = select(model.channel_id, func.count()).where(col(model.channel_id).in_(ids), condition)
    return dict((await db.exec(query.group_by(model.channel_id))).all())
