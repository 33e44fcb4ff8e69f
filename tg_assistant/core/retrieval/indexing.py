"""Dirty posts → chunks → vectors → Chroma. PostgreSQL is the source of truth; Chroma can be rebuilt from it.

A run after a kill ends in the same state: chunk ids are deterministic, Chroma is written before PostgreSQL
records it, and a chunk's row is deleted only after its vector.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import accumulate
from uuid import UUID, uuid5

import structlog
from sqlalchemy import func, update
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.names import Job
from tg_assistant.core.retrieval import vector_cache
from tg_assistant.core.retrieval.chunking import chunks
from tg_assistant.core.retrieval.vector_cache import text_hash
from tg_assistant.core.understanding.dates import mentioned
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres import advisory_locks, jobs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.infra.text_work import TOO_SLOW
from tg_assistant.infra.vectors import Space
from tg_assistant.models import MAX_INDEX_ATTEMPTS, Chunk, Post, Tenant

log = structlog.get_logger()

BATCH = 64  # most posts per transaction: under a second of embedding
BATCH_CHARACTERS = 40_000  # most characters per transaction: posts of full length take ten times as long
TURN_SECONDS = 5.0  # for one tenant, then others get their turn
_BUSY_SECONDS = 1.0


class Trouble(StrEnum):
    """Why a post could not be indexed: what admins are told once it is held."""

    process_ended = "process_ended"  # during the try: killed, restarted, or crashed by this post
    too_slow = "too_slow"
    failed = "failed"


@dataclass(frozen=True)
class _Piece:
    """A chunk to be indexed."""

    id: UUID
    post: Post
    n: int
    text: str


async def index_dirty(rt: Runtime, tenant_id: UUID) -> int:
    """Index every dirty post of a tenant, the newest first; return how many.

    For callers that must wait for the end; the worker uses `take_turn`. Raises `Unavailable` when the
    embedder or Chroma is. A post that cannot be indexed for another reason is held after five tries and
    blocks no other.
    """
    done = 0
    async with alone(rt, tenant_id):
        while posts := await _dirty(rt, tenant_id):
            done += await _index_or_hold(rt, posts)
    return done


async def take_turn(rt: Runtime, tenant_id: UUID) -> None:
    """Index a tenant's dirty posts for TURN_SECONDS, then enqueue again behind the other tenants.

    The handler of `Job.indexing`; with turns a million posts of one tenant do not delay another. Raises
    `Unavailable`.
    """
    job = {"tenant_id": str(tenant_id)}
    async with rt.db.transaction(tenant_id) as db:
        await jobs.drop_queued(
            db, Job.indexing, job
        )  # each page of a backfill enqueues one; this turn serves all
    async with alone(rt, tenant_id, wait=False) as mine:
        if mine and not await _indexed_all(rt, tenant_id):
            delay = 0.0
        elif mine:
            return
        else:
            delay = _BUSY_SECONDS
    async with rt.db.transaction(tenant_id) as db:
        await jobs.enqueue(db, Job.indexing, job, delay=delay)


async def _indexed_all(rt: Runtime, tenant_id: UUID) -> bool:
    """Index until nothing is dirty; return False if the turn ended before."""
    ends = asyncio.get_running_loop().time() + TURN_SECONDS
    while posts := await _dirty(rt, tenant_id):
        await _index_or_hold(rt, posts)
        if asyncio.get_running_loop().time() > ends:
            return False
    return True


async def request(db: AsyncSession, tenant_id: UUID) -> None:
    """Enqueue a job for the tenant's dirty posts if there are any and no job waits: a job may get lost."""
    dirty = select(Post.id).where(
        Post.tenant_id == tenant_id,
        col(Post.indexed_generation) == 0,
        col(Post.index_attempts) < MAX_INDEX_ATTEMPTS,
    )
    if (await db.exec(dirty.limit(1))).first() and not await jobs.waiting(db, Job.indexing, str(tenant_id)):
        await jobs.enqueue(db, Job.indexing, {"tenant_id": str(tenant_id)})


async def forget_channel(rt: Runtime, tenant_id: UUID, channel_id: UUID) -> None:
    """Delete a purged channel's vectors. Raises `Unavailable`."""
    async with alone(rt, tenant_id):
        await rt.vectors.delete_channel(Space(tenant_id, rt.embedder.model), channel_id)


async def forget_tenant(rt: Runtime, tenant_id: UUID) -> None:
    """Delete all vectors of a deleted group, once a running writer has finished. Raises `Unavailable`."""
    async with alone(rt, tenant_id):
        await rt.vectors.drop(tenant_id)


async def held(db: AsyncSession, channel_ids: Sequence[UUID]) -> dict[UUID, dict[Trouble, int]]:
    """Return how many posts of each channel are held, by reason; an edit or a deletion restarts the tries."""
    given_up = col(Post.indexed_generation) == 0, col(Post.index_attempts) >= MAX_INDEX_ATTEMPTS
    query = (
        select(Post.channel_id, Post.index_error, func.count())
        .where(col(Post.channel_id).in_(channel_ids), *given_up)
        .group_by(col(Post.channel_id), col(Post.index_error))
    )
    found: dict[UUID, dict[Trouble, int]] = {}
    for channel_id, reason, count in await db.exec(query):
        found.setdefault(channel_id, {})[Trouble(reason or Trouble.failed)] = count
    return found


def alone(rt: Runtime, tenant_id: UUID, *, wait: bool = True) -> AbstractAsyncContextManager[bool]:
    """Lock out other writers of a tenant's collection, in all processes, without an open transaction."""
    return advisory_locks.alone(rt.db.url, f"index:{tenant_id}", wait=wait)


async def _dirty(rt: Runtime, tenant_id: UUID) -> list[Post]:
    """Return the next posts: a batch of untried ones, or a single one that was tried before; newest first.

    Posts that failed alone come last. So a post that crashes the process affects its batch only once, and
    does not delay newer posts after that.
    """
    async with rt.db.transaction(tenant_id) as db:
        query = (
            select(Post)
            .where(Post.tenant_id == tenant_id, Post.indexed_generation == 0)
            .where(col(Post.index_attempts) < MAX_INDEX_ATTEMPTS)
            .order_by(col(Post.index_attempts) > 1, col(Post.posted_at).desc())
            .limit(BATCH)
        )
        found = list(await db.exec(query))
    if found and found[0].index_attempts:
        return found[:1]
    new = [one for one in found if not one.index_attempts]
    lengths = accumulate(len(one.said) for one in new)
    return [one for one, length in zip(new, lengths, strict=True) if length <= BATCH_CHARACTERS] or new[:1]


async def _index_or_hold(rt: Runtime, posts: Sequence[Post]) -> int:
    """Index the posts; return how many succeeded. A try is counted, with a reason, before it is made."""
    await _note(rt, posts, 1, Trouble.process_ended)
    try:
        await _index(rt, posts)
    except asyncio.CancelledError:  # the process is stopping, which no post has caused
        await _note(rt, posts, -1, None)
        raise
    except Unavailable as error:
        if error.code == TOO_SLOW:
            return await _apart(rt, posts, Trouble.too_slow)
        await _note(rt, posts, -1, None)  # a service is unavailable, which no post has caused
        raise
    except Exception as error:  # libraries may raise anything on a post, and the others must be indexed
        log.error("index.failed", posts=len(posts), first=str(posts[0].id), exc_info=error)
        return await _apart(rt, posts, Trouble.failed)
    return len(posts)


async def _apart(rt: Runtime, posts: Sequence[Post], trouble: Trouble) -> int:
    """Try each post alone, to find the one that fails; return how many were indexed."""
    await _note(rt, posts, 0, trouble)
    return sum([await _index_or_hold(rt, [post]) for post in posts]) if len(posts) > 1 else 0


async def _note(rt: Runtime, posts: Sequence[Post], tries: int, trouble: Trouble | None) -> None:
    # locked in the same order as in `_mark`, to avoid deadlocks
    locked = select(Post.id).where(col(Post.id).in_([post.id for post in posts])).order_by(col(Post.id))
    tried = update(Post).where(col(Post.id).in_(locked.with_for_update().scalar_subquery()))
    # an edit meanwhile has reset the count, which must not become negative
    attempts = func.greatest(Post.index_attempts + tries, 0)
    async with rt.db.transaction(posts[0].tenant_id) as db:
        await db.exec(tried.values(index_attempts=attempts, index_error=trouble))


async def _index(rt: Runtime, posts: Sequence[Post]) -> None:
    tenant_id = posts[0].tenant_id
    space = Space(tenant_id, rt.embedder.model)
    zone = rt.settings.retrieval.zone
    dates = {
        post.id: await rt.texts.run(mentioned, post.said, post.posted_at.astimezone(zone)) for post in posts
    }
    pieces = [piece for post in posts for piece in await rt.texts.run(_pieces, post)]
    if pieces:
        vectors = await vector_cache.passages(rt, [piece.text for piece in pieces], background=True)
        channel_ids = [piece.post.channel_id for piece in pieces]
        await rt.vectors.upsert(space, [piece.id for piece in pieces], vectors, channel_ids)
    async with rt.db.transaction(tenant_id) as db:
        # chunks that no longer exist, because the text became shorter or the post was deleted
        current = {piece.id for piece in pieces}
        query = select(Chunk.id).where(col(Chunk.post_id).in_([post.id for post in posts]))
        stale = [chunk for chunk in await db.exec(query) if chunk not in current]
    await rt.vectors.delete_ids(space, stale)
    async with rt.db.transaction(tenant_id) as db:
        await _mark(db, posts, pieces, dates)


def _pieces(post: Post) -> list[_Piece]:
    if post.deleted_at is not None:
        return []
    return [_Piece(uuid5(post.id, str(n)), post, n, piece) for n, piece in enumerate(chunks(post.said))]


async def _mark(
    db: AsyncSession, posts: Sequence[Post], pieces: Sequence[_Piece], dates: dict[UUID, list[date]]
) -> None:
    """Write the new chunks and mark the posts as indexed; those that changed meanwhile stay dirty."""
    ids = [post.id for post in posts]
    query = select(Post).where(col(Post.id).in_(ids)).order_by(col(Post.id)).with_for_update()
    found = {post.id: post for post in await db.exec(query)}
    generation = (await db.get_one(Tenant, posts[0].tenant_id)).index_generation
    await db.exec(delete(Chunk).where(col(Chunk.post_id).in_(ids)))
    db.add_all(_row(piece, generation) for piece in pieces if piece.post.id in found)
    for read in posts:
        now = found.get(read.id)
        if now is not None:
            same = (now.text_hash, now.deleted_at) == (read.text_hash, read.deleted_at)
            now.indexed_generation, now.index_attempts = (generation if same else 0), 0
            if same:
                now.dates = dates[now.id]
            now.index_error = None


def _row(piece: _Piece, generation: int) -> Chunk:
    return Chunk(
        id=piece.id,
        tenant_id=piece.post.tenant_id,
        channel_id=piece.post.channel_id,
        post_id=piece.post.id,
        n=piece.n,
        text=piece.text,
        text_hash=text_hash(piece.text),
        generation=generation,
    )
