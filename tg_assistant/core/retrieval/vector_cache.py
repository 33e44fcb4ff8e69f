"""Cache of the vectors of texts in PostgreSQL, by model and text hash, shared by all tenants."""

import hashlib
from collections.abc import Iterable, Sequence
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.infra.postgres.db import run_text
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Chunk, Vector

SAMPLED_CHANNELS = 40
_SAMPLE = text("""
    SELECT chunk.text, vectors.embedding FROM unnest(CAST(:channels AS uuid[])) AS channel
    CROSS JOIN LATERAL (SELECT text, text_hash FROM chunks WHERE channel_id = channel LIMIT 12) AS chunk
    JOIN vectors ON vectors.model = :model AND vectors.text_hash = chunk.text_hash
""")


def text_hash(words: str) -> bytes:
    """Return the SHA-256 of a text, the key of its vector."""
    return hashlib.sha256(words.encode()).digest()


async def passages(rt: Runtime, texts: Sequence[str], *, background: bool = False) -> np.ndarray:
    """Return a unit vector per text, cached or new; `texts` must not be empty. Raises `Unavailable`.

    `background`: nobody waits, so texts of questions are embedded first.
    """
    by_hash = {text_hash(one): one for one in texts}
    query = select(Vector.text_hash, Vector.embedding).where(
        Vector.model == rt.embedder.model, col(Vector.text_hash).in_(list(by_hash))
    )
    async with rt.db.transaction() as db:
        known = {key: _vector(embedding) for key, embedding in await db.exec(query)}
    missing = {key: one for key, one in by_hash.items() if key not in known}
    if missing:
        vectors = await rt.embedder.embed_passages(list(missing.values()), background=background)
        known |= dict(zip(missing, vectors, strict=True))
        await _remember(rt, {key: known[key] for key in missing})
    return np.stack([known[text_hash(one)] for one in texts])


async def of_posts(db: AsyncSession, model: str, post_ids: Iterable[UUID]) -> dict[UUID, np.ndarray]:
    """Return the stored vectors of posts, a row per chunk; posts not indexed yet are left out."""
    query = (
        select(Chunk.post_id, Vector.embedding)
        .join(Vector, (col(Vector.text_hash) == col(Chunk.text_hash)) & (col(Vector.model) == model))
        .where(col(Chunk.post_id).in_(list(post_ids)))
    )
    rows: dict[UUID, list[np.ndarray]] = {}
    for post_id, embedding in await db.exec(query):
        rows.setdefault(post_id, []).append(_vector(embedding))
    return {post_id: np.stack(vectors) for post_id, vectors in rows.items()}


async def sample(db: AsyncSession, model: str, channel_ids: Sequence[UUID]) -> list[tuple[str, np.ndarray]]:
    """Return up to 12 chunks of each of 40 channels with their vectors, as a sample of the posts."""
    sampled = list(channel_ids)[:SAMPLED_CHANNELS]
    rows = await run_text(db, _SAMPLE, model=model, channels=sampled)
    return [(row.text, _vector(row.embedding)) for row in rows]


async def _remember(rt: Runtime, vectors: dict[bytes, np.ndarray]) -> None:
    model = rt.embedder.model
    rows = [
        {"model": model, "text_hash": key, "embedding": vector.astype("<f4").tobytes()}
        for key, vector in sorted(vectors.items())  # the same order in all writers, to avoid deadlocks
    ]
    async with rt.db.transaction() as db:
        await db.exec(insert(Vector).values(rows).on_conflict_do_nothing())


def _vector(embedding: bytes) -> np.ndarray:
    return np.frombuffer(embedding, "<f4")
