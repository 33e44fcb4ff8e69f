"""Hybrid search: full text and vectors, fused, over the channels this person may read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from sqlalchemy import Uuid, cast, func, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.retrieval import chunking, copies, cross_lingual, full_text, vector_cache
from tg_assistant.core.retrieval.cross_lingual import Meaning
from tg_assistant.core.retrieval.full_text import Lexical
from tg_assistant.core.retrieval.passages import Passage, origin_of, place_of
from tg_assistant.core.retrieval.scope import Scope, Wanted, scope
from tg_assistant.core.rollout import flags
from tg_assistant.errors import Unavailable
from tg_assistant.infra.runtime import Runtime
from tg_assistant.infra.vectors import Space
from tg_assistant.models import Channel, Chunk, Post

log = structlog.get_logger()

# Measured for multilingual-e5-small: the best on average over question answering and known-item search.
LEXICAL_WEIGHT = 0.05
BY_MEANING = 100  # chunks requested from Chroma
BY_WORDS = 100  # posts of the full-text search whose cosine is looked up
NEWEST = 300  # newest posts of a time span that are all compared, because Chroma does not filter by time
EMBEDDED_NOW = 5  # posts of the full-text search embedded during the request, 10–20 ms each


@dataclass(frozen=True)
class Found:
    """A search's result. `degraded`: vectors could not be searched; `rarity` is by stem of the question."""

    passages: list[Passage] = field(default_factory=list)
    degraded: bool = False
    rarity: dict[str, float] = field(default_factory=dict)
    meaning: Meaning | None = None


async def search(rt: Runtime, actor: Actor, question: str, wanted: Wanted | None = None) -> Found:
    """Return the posts about `question`, the best first, copies collapsed into one.

    If Chroma or the embedder is unavailable, only full text is searched and `degraded` is set.
    """
    asked = wanted or Wanted()
    async with rt.db.transaction(actor.tenant_id) as db:
        readable = await channels.readable_ids(db, actor, asked.get("channel_ids"))
        within = scope(readable, asked)
        lexical = await full_text.search(db, question, within)
        by_words_only = not await flags.enabled(db, actor.tenant, flags.SEMANTIC)
    if not readable:
        return Found()
    meaning, near = (None, []) if by_words_only else await _by_meaning(rt, actor.tenant, within, question)
    words = sorted(lexical.scores, key=lexical.scores.__getitem__, reverse=True)[:BY_WORDS]
    async with rt.db.transaction(actor.tenant_id) as db:
        found = await _load(db, within, words, near or [])
        cosines = await _cosines(db, rt.embedder.model, meaning, [post.id for post, _ in found])
    new = [post for post, _ in found if post.id in lexical.scores and post.id not in cosines]
    new.sort(key=lambda post: -lexical.scores[post.id])
    cosines |= await _cosines_of_new(rt, meaning, new[:EMBEDDED_NOW])
    passages = _fused(found, cosines, lexical)
    once = await rt.texts.run(copies.collapsed, passages, asked.get("limit", 10))
    return Found(once, near is None, lexical.rarity, meaning)


async def _by_meaning(
    rt: Runtime, tenant_id: UUID, within: Scope, question: str
) -> tuple[Meaning | None, list[UUID] | None]:
    """Return the question's vectors and the ids of the nearest chunks; None for what is unavailable."""
    meaning = None
    try:
        meaning = await cross_lingual.meaning(rt, tenant_id, question, within.channel_ids)
        space = Space(tenant_id, rt.embedder.model)
        hits = await rt.vectors.query(within.channel_ids, space, meaning.neutral, BY_MEANING)
    except Unavailable as error:
        log.warning("retrieval.degraded", code=error.code)
        return meaning, None
    return meaning, [hit.chunk_id for hit in hits]


async def _load(
    db: AsyncSession, within: Scope, post_ids: Sequence[UUID], chunk_ids: Sequence[UUID]
) -> list[tuple[Post, Channel]]:
    """Load the candidates from PostgreSQL, without posts deleted or no longer readable since indexing.

    One list of ids: `id IN (…) OR id IN (subquery)` would read the whole table.
    """
    query = select(Post, Channel).join(Channel, col(Channel.id) == col(Post.channel_id))
    query = query.where(*within.conditions())
    of_chunks = select(Chunk.post_id).where(col(Chunk.id).in_(chunk_ids))
    by_words = select(func.unnest(cast(list(post_ids), ARRAY(Uuid))))
    found = list(await db.exec(query.where(col(Post.id).in_(union(by_words, of_chunks)))))
    if within.has_time:
        found += await db.exec(query.order_by(col(Post.posted_at).desc()).limit(NEWEST))
    return list({post.id: (post, channel) for post, channel in found}.values())


async def _cosines(
    db: AsyncSession, model: str, meaning: Meaning | None, post_ids: Sequence[UUID]
) -> dict[UUID, float]:
    """Return the cosine of each post's nearest chunk; posts without stored vectors are left out."""
    if meaning is None:
        return {}
    stored = await vector_cache.of_posts(db, model, post_ids)
    return {post_id: float((vectors @ meaning.neutral).max()) for post_id, vectors in stored.items()}


async def _cosines_of_new(rt: Runtime, meaning: Meaning | None, new: Sequence[Post]) -> dict[UUID, float]:
    """Return the cosines of posts not indexed yet; indexing will find their vectors in the cache."""
    chunked = await rt.texts.run(lambda: [chunking.chunks(post.said) for post in new])
    pieces = [(post.id, piece) for post, parts in zip(new, chunked, strict=True) for piece in parts]
    if meaning is None or not pieces:
        return {}
    try:
        vectors = await vector_cache.passages(rt, [piece for _, piece in pieces])
    except Unavailable as error:
        log.warning("retrieval.degraded", code=error.code)
        return {}
    cosines: dict[UUID, float] = {}
    for (post_id, _), vector in zip(pieces, vectors, strict=True):
        cosines[post_id] = max(cosines.get(post_id, -1.0), float(vector @ meaning.neutral))
    return cosines


def _fused(
    found: Iterable[tuple[Post, Channel]], cosines: dict[UUID, float], words: Lexical
) -> list[Passage]:
    """Score by cosine plus a small bonus for words: equal weights or rank fusion rank answers too low."""
    # `ideal` in the maximum: one matching word must not decide a question whose other words do not occur
    best = max([*words.scores.values(), words.ideal, 1e-9])
    # A post without a vector competes by its words, starting from the worst cosine.
    floor = min(cosines.values(), default=0.0)
    passages = []
    for post, channel in found:
        cosine, lexical = cosines.get(post.id), words.scores.get(post.id, 0.0) / best
        score = (floor if cosine is None else cosine) + LEXICAL_WEIGHT * lexical
        place, origin = place_of(post, channel), origin_of(post, channel)
        passages.append(Passage(place, post.said, score, cosine, lexical, origin))
    return sorted(passages, key=lambda passage: (-passage.score, passage.place.posted_at))
