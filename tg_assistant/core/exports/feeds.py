"""Feeds: channels and searches in a feed reader, whose only credential is the private address.

What may be read is asked at each fetch; a person who is switched off loses their feeds for good.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from tg_assistant.core import audit
from tg_assistant.core.access import sessions, sign_in
from tg_assistant.core.actor import Actor, scoped
from tg_assistant.core.channels import channels
from tg_assistant.core.posts import posts
from tg_assistant.core.posts.posts import ShownPost
from tg_assistant.core.retrieval import search
from tg_assistant.errors import Invalid, NotAllowed, NotFound, SignInNeeded
from tg_assistant.infra import clock
from tg_assistant.infra.postgres.db import set_feed
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, Feed, User

MAX_FEEDS = 20  # of a person at a time
_POSTS = 50
_USED_EVERY = timedelta(minutes=1)  # `last_used_at` is no more precise than this


@dataclass(frozen=True)
class ListedFeed:
    """A feed as its owner sees it; `title` is its channel's, or its query."""

    feed: Feed
    title: str


@dataclass(frozen=True)
class Fetched:
    """What a feed shows now, the newest first. `etag` identifies it; at `changed_at` that last changed."""

    id: UUID
    title: str
    language: str
    posts: Sequence[ShownPost]
    etag: bytes
    changed_at: datetime


async def make(
    db: AsyncSession, actor: Actor, *, channel_id: UUID | None = None, query: str | None = None
) -> tuple[Feed, str]:
    """Make a feed of a channel or of a query; return it and its token, of which only the hash is stored.

    Raises Invalid (not exactly one of them, a bad query), NotFound for a channel the actor may not read, and
    NotAllowed beyond 20 feeds.
    """
    actor.require()
    if (channel_id is None) == (query is None):
        raise Invalid("feeds.of_one")
    if channel_id is not None and not await channels.readable_ids(db, actor, [channel_id]):
        raise NotFound("channels.not_found")
    await _check_limit(db, actor)
    token = secrets.token_urlsafe(32)
    feed = Feed(
        tenant_id=actor.tenant,
        user_id=actor.user_id,
        hash=sessions.digest(token),
        channel_id=channel_id,
        query=search.checked(query) if query is not None else None,
    )
    db.add(feed)
    await db.flush()
    await db.refresh(feed, ["created_at"])
    await audit.record(db, actor, "feed.make", feed.id)
    return feed, token


async def list_(db: AsyncSession, actor: Actor) -> list[ListedFeed]:
    """Return the actor's feeds that have not been ended, the newest first; at most 20."""
    actor.require()
    query = _live(actor).order_by(col(Feed.created_at).desc(), col(Feed.id))
    found = (await db.exec(query)).all()
    places = {feed.channel_id for feed in found if feed.channel_id}
    readable = await channels.readable_ids(db, actor, list(places), switched_off=True)
    known = await db.exec(scoped(Channel, actor).where(col(Channel.id).in_(readable)))
    titles = {channel.id: channel.title for channel in known}
    return [
        ListedFeed(feed, feed.query or (titles.get(feed.channel_id, "") if feed.channel_id else ""))
        for feed in found
    ]


async def end(db: AsyncSession, actor: Actor, feed_id: UUID) -> None:
    """End a feed: its address answers no more. Raises NotFound."""
    actor.require()
    feed = (await db.exec(_live(actor).where(Feed.id == feed_id))).first()
    if feed is None:
        raise NotFound("feeds.not_found")
    feed.revoked_at = clock.now(db)
    db.add(feed)
    await audit.record(db, actor, "feed.end", feed_id)
    await db.flush()


async def owner_of(rt: Runtime, token: str) -> tuple[Feed, Actor]:
    """Return the feed with this token, and its owner with current rights. Raises NotFound for all others."""
    async with rt.db.transaction() as db:
        digest = sessions.digest(token)
        await set_feed(db, digest)
        feed = (
            await db.exec(select(Feed).where(Feed.hash == digest, col(Feed.revoked_at).is_(None)))
        ).first()
        if feed is None:
            raise NotFound("feeds.not_found")
        try:
            owner = await sign_in.actor(db, feed.user_id, door="feed")
        except (NotAllowed, SignInNeeded):
            raise NotFound("feeds.not_found") from None
        if owner.tenant_id != feed.tenant_id:
            raise NotFound("feeds.not_found")
        return feed, owner


async def fetch(rt: Runtime, actor: Actor, feed: Feed) -> Fetched:
    """Return what the owner's feed shows now, and note that it was used.

    `feed` and `actor` are those of `owner_of`. Raises NotFound once the channel is closed to the person.
    """
    actor.require()
    title, shown = await (_of_query if feed.channel_id is None else _of_channel)(rt, actor, feed)
    etag = _etag(title, shown)
    async with rt.db.transaction(actor.tenant) as db:
        kept = (await db.exec(_live(actor).where(Feed.id == feed.id))).first()
        if kept is None:
            raise NotFound("feeds.not_found")
        now = clock.now(db)
        if kept.etag != etag or kept.changed_at is None:
            kept.etag, kept.changed_at = etag, now
        if kept.last_used_at is None or not timedelta(0) <= now - kept.last_used_at < _USED_EVERY:
            kept.last_used_at = now
        db.add(kept)
        changed_at = kept.changed_at
    return Fetched(feed.id, title, actor.language, shown, etag, changed_at)


async def _of_channel(rt: Runtime, actor: Actor, feed: Feed) -> tuple[str, Sequence[ShownPost]]:
    async with rt.db.transaction(actor.tenant) as db:
        readable = await channels.readable_ids(db, actor, [feed.channel_id] if feed.channel_id else [])
        if not readable:
            raise NotFound("feeds.not_found")
        channel = (await db.exec(scoped(Channel, actor).where(Channel.id == readable[0]))).one()
        return channel.title, (await posts.list_(db, actor, readable, _POSTS)).items


async def _of_query(rt: Runtime, actor: Actor, feed: Feed) -> tuple[str, Sequence[ShownPost]]:
    query = feed.query or ""
    return query, await search.newest(rt, actor, query, limit=_POSTS)


def _etag(title: str, shown: Sequence[ShownPost]) -> bytes:
    """Return a digest of all that the documents show; views, which change by the minute, are not shown."""
    parts = [(str(one.post.id), one.post.text_hash.hex(), one.channel.title, one.url) for one in shown]
    return sha256(repr((title, parts)).encode("utf-8", "replace")).digest()[:16]


def _live(actor: Actor) -> SelectOfScalar[Feed]:
    return scoped(Feed, actor).where(Feed.user_id == actor.user_id, col(Feed.revoked_at).is_(None))


async def _check_limit(db: AsyncSession, actor: Actor) -> None:
    # concurrent requests must not both find room, so a lock on the user's row serialises them
    await db.exec(select(User.id).where(User.id == actor.user_id).with_for_update(key_share=True))
    if len((await db.exec(_live(actor))).all()) >= MAX_FEEDS:
        raise NotAllowed("feeds.limit", max=MAX_FEEDS)
