"""Saving posts idempotently: in any order and with any number of repetitions."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.channels import known_ranges
from tg_assistant.core.channels.known_ranges import Range
from tg_assistant.core.names import Job, Topic
from tg_assistant.core.posts import formatting
from tg_assistant.errors import NotFound
from tg_assistant.infra import clock, metrics
from tg_assistant.infra.postgres import events, jobs
from tg_assistant.infra.postgres.pg_text import storable
from tg_assistant.models import Channel, Post, PostVersion

VERSIONS = 20  # earlier texts stored per post, the first and the newest: some posts are edited all day
# From a deletion on Telegram may show the post for a moment: copies of its data lag behind one another
REVIVE_AFTER = timedelta(minutes=1)
OF_OTHERS = ("poll_results", "link", "fact_check")  # origins of parts that are not the author's
_COUNTS = ("views", "forwards", "reactions")
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class IncomingPost:
    """A message as Telegram returned it at one moment; `edited_at` decides which of two is newer.

    `entities` and `parts` as in `models.Post`.
    """

    message_id: int
    posted_at: datetime
    text: str = ""
    entities: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, str]] = field(default_factory=list)
    edited_at: datetime | None = None
    links: list[str] = field(default_factory=list)
    media: str | None = None
    album_id: int | None = None
    forward_title: str | None = None
    forward_channel: int | None = None
    forward_message: int | None = None
    reply_to: int | None = None
    views: int | None = None
    forwards: int | None = None
    reactions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Saved:
    new: int
    changed: int


async def save_page(
    db: AsyncSession,
    channel_id: UUID,
    incoming: Sequence[IncomingPost],
    known: Sequence[Range],
    *,
    via: str,
    seen_at: datetime | None = None,
) -> Saved:
    """Save posts of a history page or of live updates, and the ids of `known` as known.

    Any order and any number of repetitions result in the same rows: an older edit never replaces a newer
    one, and a deleted post stays deleted, unless Telegram shows it at `seen_at`, the time of the request, a
    minute or more after its deletion: then that was a mistake. Changed posts become dirty, and an index job
    is enqueued, in the caller's transaction. `via` is "backfill", "live", "reconcile" or "import". Raises
    NotFound when the channel is deleted.
    """
    channel = await _locked(db, channel_id)
    return await _save(db, channel, incoming, known, via=via, seen_at=seen_at)


async def _save(
    db: AsyncSession,
    channel: Channel,
    incoming: Sequence[IncomingPost],
    known: Sequence[Range],
    *,
    via: str,
    seen_at: datetime | None = None,
) -> Saved:
    latest = {post.message_id: post for post in sorted(incoming, key=_edited)}
    stored = await _stored(db, channel.id, list(latest))
    back = _revive(stored.values(), latest, seen_at) if seen_at is not None else 0
    new = [post for id_, post in latest.items() if id_ not in stored]
    renewed = [post for post in stored.values() if _renew(db, post, latest[post.message_id])]
    await _forget(db, renewed)
    if new:
        await db.exec(
            insert(Post).values([_row(channel, post, clock.now(db)) for post in new]).on_conflict_do_nothing()
        )
        metrics.posts_saved_total.labels(via).inc(len(new))
    await _known(db, channel, known)
    await _changed(db, channel, dirty=bool(new or renewed or back))
    return Saved(len(new), len(renewed))


async def save_live(
    db: AsyncSession, channel_id: UUID, posts: Sequence[IncomingPost], ids: Sequence[int]
) -> Saved:
    """Save new or edited messages from updates; `ids` are the new ones, also those without content.

    Ids between them stay unknown, so a missed update results in a gap. An edit makes no id known, and of what
    is older than all that is known nothing is added: otherwise one reaction to an old post would cause all
    history down to it to be read, whatever the plan's limit. Raises NotFound as `save_page` does.
    """
    channel = await _locked(db, channel_id)
    known = await known_ranges.of(db, channel_id)
    oldest = known[0].low if known else 0
    told = [Range(id_, id_) for id_ in ids if id_ >= oldest]
    stored = await _stored(db, channel_id, [post.message_id for post in posts])
    wanted = {*ids, *stored}
    kept = [post for post in posts if post.message_id in wanted or (known and post.message_id >= oldest)]
    return await _save(db, channel, kept, told, via="live")


async def mark_deleted(db: AsyncSession, channel_id: UUID, message_ids: Sequence[int]) -> int:
    """Mark posts as deleted for good; unknown ids are stored as tombstones, in case their posts arrive late.

    Returns how many posts were visible until now. Raises NotFound when the channel is deleted.
    """
    channel = await _locked(db, channel_id)
    now = clock.now(db)
    stored = await _stored(db, channel_id, message_ids)
    gone = [post for post in stored.values() if post.deleted_at is None]
    for post in gone:
        post.deleted_at, post.indexed_generation, post.index_attempts = now, 0, 0
    unseen = [IncomingPost(id_, now) for id_ in set(message_ids) - set(stored)]
    if unseen:
        rows = [_row(channel, post, now) | {"deleted_at": now} for post in unseen]
        await db.exec(insert(Post).values(rows).on_conflict_do_nothing())
    await _changed(db, channel, dirty=bool(gone or unseen))
    return len(gone)


async def visible_ids(db: AsyncSession, channel_id: UUID, span: Range) -> set[int]:
    """Return the message ids within `span` that are visible now, to be compared with a page of history."""
    query = select(Post.message_id).where(
        Post.channel_id == channel_id,
        col(Post.message_id).between(span.low, span.high),
        col(Post.deleted_at).is_(None),
    )
    return set(await db.exec(query))


async def lowest_of_newest(db: AsyncSession, channel_id: UUID, below: int, count: int) -> int:
    """Return the lowest id among the `count` newest visible posts under id `below` (0: of all); 0 if none."""
    query = select(Post.message_id).where(Post.channel_id == channel_id, col(Post.deleted_at).is_(None))
    if below:
        query = query.where(col(Post.message_id) < below)
    newest = (await db.exec(query.order_by(col(Post.message_id).desc()).limit(count))).all()
    return min(newest, default=0)


async def _locked(db: AsyncSession, channel_id: UUID) -> Channel:
    """Lock the channel: with one writer at a time a page and live updates cannot overtake each other."""
    query = select(Channel).where(Channel.id == channel_id).with_for_update(key_share=True)
    channel = (await db.exec(query.execution_options(populate_existing=True))).first()
    if channel is None:
        raise NotFound("channels.not_found")
    return channel


async def _stored(db: AsyncSession, channel_id: UUID, message_ids: Sequence[int]) -> dict[int, Post]:
    query = select(Post).where(Post.channel_id == channel_id, col(Post.message_id).in_(message_ids))
    return {post.message_id: post for post in await db.exec(query.execution_options(populate_existing=True))}


def _edited(post: IncomingPost | Post) -> datetime:
    return post.edited_at or _NEVER


def _revive(stored: Iterable[Post], latest: Mapping[int, IncomingPost], seen_at: datetime) -> int:
    """Take back deletions of posts that Telegram shows long enough after them; return how many."""
    back = [post for post in stored if post.deleted_at and seen_at - post.deleted_at >= REVIVE_AFTER]
    for post in back:
        incoming = latest[post.message_id]
        if post.posted_at == post.deleted_at:  # a tombstone: there is no earlier text to keep as a version
            for name, value in _content(incoming).items():
                setattr(post, name, value)
        post.deleted_at, post.posted_at = None, incoming.posted_at
        post.indexed_generation = post.index_attempts = 0
    return len(back)


def _renew(db: AsyncSession, post: Post, incoming: IncomingPost) -> bool:
    """Update a stored post from `incoming` unless that is older; return whether what it says changed."""
    if post.deleted_at or _edited(incoming) < _edited(post):
        return False
    content = _content(incoming)
    edited = _is_edit(post, content)
    if edited:
        old = post.model_dump(include={"version", "tenant_id", "text", "entities", "parts"})
        db.add(PostVersion(post_id=post.id, **old))
        post.version += 1
    says_other = content["text_hash"] != post.text_hash
    if says_other:
        post.indexed_generation = post.index_attempts = 0
    if any(getattr(post, name) != content[name] for name in _COUNTS):
        post.counted_at = clock.now(db)
    for name, value in content.items():
        if getattr(post, name) != value:
            setattr(post, name, value)
    return edited or says_other


def _is_edit(post: Post, content: Mapping[str, Any]) -> bool:
    """Return whether the author changed the post, be it only its formatting.

    What is only now known of a post that was read before formatting was stored is no edit; nor is what
    others add: votes, a link's preview, a fact-check.
    """
    if post.entities is None:  # a poll's question used to be stored as its text
        return post.text != content["text"] and post.media != "poll"
    own = [part for part in content["parts"] if part["origin"] not in OF_OTHERS]
    before = [part for part in post.parts if part["origin"] not in OF_OTHERS]
    return (post.text, post.entities, before) != (content["text"], content["entities"], own)


async def _forget(db: AsyncSession, renewed: Sequence[Post]) -> None:
    """Delete earlier texts beyond `VERSIONS`, but never the first; versions are numbered from 1."""
    if not any(post.version > VERSIONS + 1 for post in renewed):
        return
    await db.flush()
    now = select(Post.version).where(Post.id == PostVersion.post_id).scalar_subquery()
    beyond = delete(PostVersion).where(
        col(PostVersion.post_id).in_([post.id for post in renewed]),
        col(PostVersion.version) > 1,
        col(PostVersion.version) <= now - VERSIONS,
    )
    await db.exec(beyond.execution_options(synchronize_session=False))


def _content(incoming: IncomingPost) -> dict[str, Any]:
    """Return the columns that follow the latest version of a message; unstorable characters are replaced."""
    shown = {
        name: storable(getattr(incoming, name)) for name in ("text", "entities", "parts", "links", *_COUNTS)
    }
    text, parts = shown["text"], [formatting.whole(part["text"]) for part in shown["parts"]]
    said = "\n".join(piece for piece in (formatting.said(text, shown["entities"]), *parts) if piece)
    return {
        **shown,
        "edited_at": incoming.edited_at,
        "said_text": None if said == text else said,
        "text_hash": hashlib.sha256(said.encode()).digest(),
        "hosts": formatting.hosts(shown["links"], said),
        "media": incoming.media,
        "album_id": incoming.album_id,
        "forward_title": storable(incoming.forward_title),
        "forward_channel": incoming.forward_channel,
        "forward_message": incoming.forward_message,
        "reply_to": incoming.reply_to,
    }


def _row(channel: Channel, incoming: IncomingPost, now: datetime) -> dict[str, Any]:
    # SQLAlchemy Core's insert skips the model's defaults, so every column without a server default is listed
    return {
        "id": uuid4(),
        "tenant_id": channel.tenant_id,
        "channel_id": channel.id,
        "message_id": incoming.message_id,
        "posted_at": incoming.posted_at,
        "version": 1,
        "indexed_generation": 0,
        "index_attempts": 0,
        "counted_at": now,
        **_content(incoming),
    }


async def _known(db: AsyncSession, channel: Channel, known: Sequence[Range]) -> None:
    for span in known:
        await known_ranges.add(db, channel.tenant_id, channel.id, span)
    top = max((span.high for span in known), default=0)
    if top > channel.top_message_id:
        bump = update(Channel).where(col(Channel.id) == channel.id).values(top_message_id=top)
        await db.exec(bump)
        channel.top_message_id = top


async def _changed(db: AsyncSession, channel: Channel, *, dirty: bool) -> None:
    if dirty:
        await jobs.enqueue(db, Job.indexing, {"tenant_id": str(channel.tenant_id)})
    await events.notify(db, Topic.channel, str(channel.id))
