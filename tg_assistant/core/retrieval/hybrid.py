"""Hybrid search: full text and vectors, fused, over the channels this person may read."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil
from typing import TypedDict
from uuid import UUID

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels
from tg_assistant.core.posts import posts
from tg_assistant.core.retrieval import chunking, cross_lingual, full_text, vector_cache
from tg_assistant.core.retrieval.cross_lingual import Meaning
from tg_assistant.core.retrieval.full_text import Lexical, Within
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
SAME = 0.75  # Jaccard similarity of words from which on two posts are the same news
COMPARISONS = 20  # posts that a post is compared with; copies share most of their rarest words
COMPARED = 200  # distinct words of a post that are compared
_WORD = re.compile(r"\w+")


class Wanted(TypedDict, total=False):
    """Restrictions of a search; `until` is excluded, `limit` is in posts."""

    channel_ids: Sequence[UUID] | None
    since: datetime | None
    until: datetime | None
    limit: int


@dataclass(frozen=True)
class Place:
    """Where a post was published."""

    post_id: UUID
    channel_id: UUID
    channel_title: str
    posted_at: datetime
    url: str


@dataclass(frozen=True)
class Passage:
    """A post found. `cosine` is None without a vector; `lexical` is BM25 as a share of the maximum.

    `origin` is the Telegram channel id and message id of the original; `also` are the places of forwards and
    copies.
    """

    place: Place
    text: str
    score: float
    cosine: float | None
    lexical: float
    origin: tuple[int, int]
    also: tuple[Place, ...] = ()


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
        within = Within(readable, asked.get("since"), asked.get("until"))
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
    once = await rt.texts.run(_collapsed, passages, asked.get("limit", 10))
    return Found(once, near is None, lexical.rarity, meaning)


async def _by_meaning(
    rt: Runtime, tenant_id: UUID, within: Within, question: str
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
    db: AsyncSession, within: Within, post_ids: Sequence[UUID], chunk_ids: Sequence[UUID]
) -> list[tuple[Post, Channel]]:
    """Load the candidates from PostgreSQL, without posts deleted or no longer readable since indexing."""
    query = (
        select(Post, Channel)
        .join(Channel, col(Channel.id) == col(Post.channel_id))
        .where(col(Post.channel_id).in_(within.channel_ids), col(Post.deleted_at).is_(None))
    )
    if within.since:
        query = query.where(Post.posted_at >= within.since)
    if within.until:
        query = query.where(Post.posted_at < within.until)
    of_chunks = select(Chunk.post_id).where(col(Chunk.id).in_(chunk_ids))
    named = col(Post.id).in_(post_ids) | col(Post.id).in_(of_chunks)
    found = list(await db.exec(query.where(named)))
    if within.since or within.until:
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
        place = Place(
            post.id, channel.id, channel.title, post.posted_at, posts.permalink(channel, post.message_id)
        )
        origin = (post.forward_channel or channel.telegram_id, post.forward_message or post.message_id)
        score = (floor if cosine is None else cosine) + LEXICAL_WEIGHT * lexical
        passages.append(Passage(place, post.said, score, cosine, lexical, origin))
    return sorted(passages, key=lambda passage: (-passage.score, passage.place.posted_at))


def _collapsed(passages: Sequence[Passage], most: int) -> list[Passage]:
    """Collapse copies of the same news into the best post, with the places of the others; at most `most`."""
    words = [frozenset(list(dict.fromkeys(_WORD.findall(one.text.lower())))[:COMPARED]) for one in passages]
    common = Counter(word for each in words for word in each)
    kept: list[Passage] = []
    told: list[frozenset[str]] = []
    by_origin: dict[tuple[int, int], int] = {}
    by_word: dict[str, list[int]] = {}
    for passage, its in zip(passages, words, strict=True):
        # prefix filter: similar sets share one of their rarest words, so only such sets are compared
        rarest = sorted(its, key=lambda word: (common[word], word))[: len(its) - ceil(SAME * len(its)) + 1]
        near = Counter(at for word in rarest for at in by_word.get(word, ()))
        same = [at for at, _ in near.most_common(COMPARISONS) if _alike(its, told[at])]
        same += [by_origin[passage.origin]] if passage.origin in by_origin else []
        if same:
            first = min(same)
            kept[first] = replace(kept[first], also=(*kept[first].also, passage.place))
        elif len(kept) < most:
            by_origin[passage.origin] = len(kept)
            for word in rarest:
                if len(having := by_word.setdefault(word, [])) < COMPARISONS:
                    having.append(len(kept))
            kept.append(passage)
            told.append(its)
    return kept


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= SAME * len(one | other) > 0
