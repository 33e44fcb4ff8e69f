"""The index follows the posts, whatever dies on the way: real PostgreSQL, real Chroma, the real model."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text, update
from sqlmodel import col, delete, select

from tests.corpus import NOW, a_channel, a_tenant, incoming_post, stored
from tests.servers import settings_for
from tg_assistant.core.posts import ingestion
from tg_assistant.core.retrieval import indexing, rebuilding
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.text_work import TextWork
from tg_assistant.infra.vectors import Space, Vectors
from tg_assistant.models import MAX_INDEX_ATTEMPTS, Channel, Chunk, Post, Tenant

TEXTS = ["Мост закрыт до октября.", "В зоопарке родился медвежонок.", "", "Long read. " * 200]


@pytest.fixture(scope="module")
def settings(database, chroma_url, model_dir):
    """Indexing is the worker's: it looks after every tenant."""
    return settings_for(database, chroma_url, model_dir, role="worker")


async def chunks(rt, tenant_id: UUID) -> list[Chunk]:
    async with rt.db.transaction(tenant_id) as db:
        return list(await db.exec(select(Chunk).where(Chunk.tenant_id == tenant_id).order_by(col(Chunk.n))))


async def assert_chroma_matches(rt, tenant_id: UUID) -> None:
    """Chroma holds exactly the chunks PostgreSQL names, each with the vector of its text."""
    rows = await chunks(rt, tenant_id)
    space = Space(tenant_id, rt.embedder.model)
    there = await rt.vectors.fetch(space, [row.id for row in rows])
    assert await rt.vectors.ids(space) == {row.id for row in rows}
    right = await rt.embedder.embed_passages([row.text for row in rows])
    for row, vector in zip(rows, right, strict=True):
        assert np.allclose(there[row.id], vector, atol=1e-4)


class Failing(Vectors):
    """Chroma as it is seen by a process that dies in the middle of a call."""

    async def upsert(self, *args, **kwargs):
        await super().upsert(*args, **kwargs)
        raise Unavailable("vectors.unavailable")


async def test_dirty_posts_become_findable_once(rt):
    """Every post with words gets its chunks; empty ones none; a second run finds nothing to do."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, TEXTS)
    assert await indexing.index_dirty(rt, tenant.id) == 4
    assert await indexing.index_dirty(rt, tenant.id) == 0
    numbers = {id_: post.id for id_, post in (await stored(rt, channel)).items()}
    by_post = [row.post_id for row in await chunks(rt, tenant.id)]
    assert [by_post.count(numbers[id_]) for id_ in (1, 2, 3)] == [1, 1, 0]
    assert by_post.count(numbers[4]) > 1
    await assert_chroma_matches(rt, tenant.id)
    space, question = Space(tenant.id, rt.embedder.model), "When was a bear born?"
    (hit, *_) = await rt.vectors.query([channel.id], space, await rt.embedder.embed_query(question))
    assert {row.id: row.post_id for row in await chunks(rt, tenant.id)}[hit.chunk_id] == numbers[2]


async def test_edits_and_deletions_reach_the_index(rt):
    """A shorter text loses its further chunks, a deleted post all of them."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, TEXTS)
    await indexing.index_dirty(rt, tenant.id)
    async with rt.db.transaction(tenant.id) as db:
        edited = replace(incoming_post(4, "Коротко."), edited_at=NOW + timedelta(hours=1))
        await ingestion.save_live(db, channel.id, [edited], [4])
        await ingestion.mark_deleted(db, channel.id, [1])
    assert await indexing.index_dirty(rt, tenant.id) == 2
    assert {row.text for row in await chunks(rt, tenant.id)} == {TEXTS[1], "Коротко."}
    await assert_chroma_matches(rt, tenant.id)


async def test_a_run_that_died_midway_is_finished_by_the_next(rt, settings):
    """Killed between Chroma and PostgreSQL, nothing is lost, doubled or left behind."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, TEXTS)
    dying = replace(rt, vectors=Failing(settings.retrieval.chroma_url))
    with pytest.raises(Unavailable):
        await indexing.index_dirty(dying, tenant.id)
    await dying.vectors.close()
    assert {post.indexed_generation for post in (await stored(rt, channel)).values()} == {0}
    await indexing.index_dirty(rt, tenant.id)
    await assert_chroma_matches(rt, tenant.id)


async def test_a_post_edited_while_it_is_indexed_stays_dirty(rt, settings):
    """The edit that arrived between reading and marking is indexed by the same run."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, ["Вход стоит 100 рублей."])

    class Slow(Vectors):
        edited = False

        async def upsert(self, *args, **kwargs):
            await super().upsert(*args, **kwargs)
            if not self.edited:
                self.edited = True
                async with rt.db.transaction(tenant.id) as db:
                    later = replace(incoming_post(1, "Вход бесплатный."), edited_at=NOW)
                    await ingestion.save_live(db, channel.id, [later], [1])

    slow = replace(rt, vectors=Slow(settings.retrieval.chroma_url))
    await indexing.index_dirty(slow, tenant.id)
    await slow.vectors.close()
    assert [row.text for row in await chunks(rt, tenant.id)] == ["Вход бесплатный."]
    await assert_chroma_matches(rt, tenant.id)


async def test_two_workers_at_once_end_in_the_same_index(rt):
    """The second waits for the first and finds nothing left."""
    tenant = await a_tenant(rt)
    await a_channel(rt, tenant, TEXTS)
    done = await asyncio.gather(*(indexing.index_dirty(rt, tenant.id) for _ in range(2)))
    assert sorted(done) == [0, 4]
    await assert_chroma_matches(rt, tenant.id)


async def test_one_bad_post_is_held_and_stops_no_other(rt):
    """What a library makes of one text is that post's problem; after five tries it waits for a person."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, ["Хороший пост.", "Плохой пост.", "Ещё один хороший."])

    class Picky:
        model, dimension = f"picky-{tenant.id}", 384

        async def embed_passages(self, texts, *, background=False):
            if "Плохой пост." in texts:
                raise ValueError("cannot embed")
            return await rt.embedder.embed_passages(texts)

        embed_query, close = rt.embedder.embed_query, rt.embedder.close

    assert await indexing.index_dirty(replace(rt, embedder=Picky()), tenant.id) == 2
    found = await stored(rt, channel)
    assert [found[id_].indexed_generation > 0 for id_ in (1, 2, 3)] == [True, False, True]
    assert found[2].index_attempts == MAX_INDEX_ATTEMPTS


class Killed(BaseException):
    """The end of a process: nothing that stands behind it is done any more."""


async def test_a_post_that_ends_the_process_is_held_and_takes_no_other_along(rt):
    """Each try is counted before it is made: others wait for two deaths at most."""
    tenant = await a_tenant(rt)
    texts = ["Хороший пост.", "Смертельный пост.", *(f"Ещё один, {n}." for n in range(5))]
    channel = await a_channel(rt, tenant, texts)

    class Deadly:
        model, dimension = f"deadly-{tenant.id}", 384

        async def embed_passages(self, texts, *, background=False):
            if "Смертельный пост." in texts:
                raise Killed
            return await rt.embedder.embed_passages(texts)

        embed_query, close = rt.embedder.embed_query, rt.embedder.close

    deadly = replace(rt, embedder=Deadly())
    for death in range(1, MAX_INDEX_ATTEMPTS + 1):
        with pytest.raises(Killed):
            await indexing.index_dirty(deadly, tenant.id)
        found = await stored(rt, channel)
        assert found[2].index_attempts == death
        if death > 2:
            assert all(found[id_].indexed_generation for id_ in found if id_ != 2)
    assert await indexing.index_dirty(deadly, tenant.id) == 0
    async with rt.db.transaction(tenant.id) as db:
        held = await indexing.held(db, [channel.id])
    assert held == {channel.id: {indexing.Trouble.process_ended: 1}}


async def test_after_a_death_the_newest_posts_still_come_first(rt):
    """What was tried with others is next, each alone; what failed alone waits behind all never tried."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, [f"Пост номер {n}." for n in range(1, 6)])
    async with rt.db.transaction(tenant.id) as db:
        for message_id, tried in ((5, 2), (4, 1), (3, 1)):
            one = update(Post).where(Post.channel_id == channel.id, Post.message_id == message_id)
            await db.exec(one.values(index_attempts=tried))
    order = []
    while dirty := await indexing._dirty(rt, tenant.id):
        order.append([post.message_id for post in dirty])
        await indexing._index_or_hold(rt, dirty)
    assert order == [[4], [3], [2, 1], [5]]


async def test_a_try_cut_short_by_a_stop_is_not_counted(rt):
    """A deploy in the middle of a batch is no post's fault; nor is one try less than none counted."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, TEXTS[:2])
    begun = asyncio.Event()

    class Endless:
        model, dimension = f"endless-{tenant.id}", 384

        async def embed_passages(self, texts, *, background=False):
            begun.set()
            await asyncio.Event().wait()

        embed_query, close = rt.embedder.embed_query, rt.embedder.close

    indexing_ = asyncio.create_task(indexing.index_dirty(replace(rt, embedder=Endless()), tenant.id))
    await begun.wait()
    indexing_.cancel()
    with pytest.raises(asyncio.CancelledError):
        await indexing_
    await indexing._note(rt, list((await stored(rt, channel)).values()), -1, None)
    assert {post.index_attempts for post in (await stored(rt, channel)).values()} == {0}


async def test_a_post_that_takes_too_long_is_held_with_its_reason(rt, monkeypatch):
    """The deadline is the post's fault, not a neighbour's: the others of its batch go on."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, ["Хороший пост.", "Медленный пост.", "Ещё один хороший."])
    go_on = threading.Event()
    cut = indexing.chunks

    def slow(text: str) -> list[str]:
        return cut(text) if "Медленный" not in text or go_on.wait(60) else []

    monkeypatch.setattr(indexing, "chunks", slow)
    impatient = replace(rt, texts=TextWork(0.2))
    try:
        for _ in range(MAX_INDEX_ATTEMPTS):
            with suppress(Unavailable):  # its threads are all taken: that is nobody's fault
                await indexing.index_dirty(impatient, tenant.id)
            impatient.texts.close()
            impatient = replace(rt, texts=TextWork(0.2))
    finally:
        go_on.set()
    found = await stored(rt, channel)
    assert [found[id_].indexed_generation > 0 for id_ in (1, 2, 3)] == [True, False, True]
    assert (found[2].index_attempts, found[2].index_error) == (MAX_INDEX_ATTEMPTS, "too_slow")


async def test_a_neighbour_that_is_away_is_no_posts_fault(rt, settings):
    """Ten tries without Chroma cost no post one of its own."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, TEXTS)
    nowhere = replace(rt, vectors=Vectors("http://127.0.0.1:9"))
    for _ in range(10):
        with pytest.raises(Unavailable):
            await indexing.index_dirty(nowhere, tenant.id)
    await nowhere.vectors.close()
    assert {post.index_attempts for post in (await stored(rt, channel)).values()} == {0}


async def test_a_wiped_chroma_is_rebuilt_from_postgresql(rt):
    """At a worker's start the collection is made whole again, and strangers in it are removed."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, TEXTS)
    await indexing.index_dirty(rt, tenant.id)
    await rebuilding.rebuild_if_needed(rt)
    await rt.vectors.drop(tenant.id)
    space = Space(tenant.id, rt.embedder.model)
    await rt.vectors.upsert(space, [channel.id], np.ones((1, 384), np.float32), [channel.id])
    assert await rebuilding.rebuild_if_needed(rt) == len(await chunks(rt, tenant.id))
    assert await rebuilding.rebuild_if_needed(rt) == 0
    await assert_chroma_matches(rt, tenant.id)


async def raise_generation(rt, tenant_id):
    """As a migration does that changes how posts are cut: everything is to be indexed anew."""
    async with rt.db.transaction(tenant_id) as db:
        tenant = await db.get_one(Tenant, tenant_id)
        tenant.index_generation += 1
        db.add(tenant)
        dirty = update(Post).where(col(Post.tenant_id) == tenant_id)
        await db.exec(dirty.values(indexed_generation=0, index_attempts=0))


async def test_reindexing_raises_the_generation_and_computes_nothing_twice(rt):
    """Vectors come from the cache; while it runs everything stays searchable."""
    tenant = await a_tenant(rt)
    channel = await a_channel(rt, tenant, TEXTS[:2])
    await indexing.index_dirty(rt, tenant.id)
    await raise_generation(rt, tenant.id)
    assert len(await chunks(rt, tenant.id)) == 2

    class Spent:
        model, dimension = rt.embedder.model, 384
        embed_query, close = rt.embedder.embed_query, rt.embedder.close

        async def embed_passages(self, texts, *, background=False):
            raise AssertionError(f"computed again: {texts}")

    assert await indexing.index_dirty(replace(rt, embedder=Spent()), tenant.id) == 2
    assert {post.indexed_generation for post in (await stored(rt, channel)).values()} == {2}


async def test_a_purged_channel_leaves_no_vectors(rt):
    """The job that follows a purge forgets exactly that channel."""
    tenant = await a_tenant(rt)
    gone = await a_channel(rt, tenant, ["Старый пост."], number=1)
    await a_channel(rt, tenant, ["Новый пост."], number=2)
    await indexing.index_dirty(rt, tenant.id)
    async with rt.db.transaction(tenant.id) as db:
        await db.exec(delete(Channel).where(col(Channel.id) == gone.id))
    await indexing.forget_channel(rt, tenant.id, gone.id)
    await assert_chroma_matches(rt, tenant.id)
    assert len(await chunks(rt, tenant.id)) == 1


async def test_a_generation_belongs_to_its_tenant(rt):
    """Re-indexing one tenant leaves the others' posts alone."""
    tenants = [await a_tenant(rt) for _ in range(2)]
    channels = [await a_channel(rt, tenant, TEXTS[:1]) for tenant in tenants]
    for tenant in tenants:
        await indexing.index_dirty(rt, tenant.id)
    await raise_generation(rt, tenants[0].id)
    states = [{post.indexed_generation for post in (await stored(rt, c)).values()} for c in channels]
    assert states == [{0}, {1}]
    async with rt.db.transaction(tenants[1].id) as db:
        assert (await db.get_one(Tenant, tenants[1].id)).index_generation == 1
        assert len(list(await db.exec(select(Post).where(Post.tenant_id == tenants[1].id)))) == 1


async def test_a_batch_of_long_posts_has_fewer(rt, monkeypatch: pytest.MonkeyPatch):
    """So that a batch of posts of full length takes no longer than one of ordinary posts; each is indexed."""
    monkeypatch.setattr(indexing, "BATCH_CHARACTERS", 1_000)
    batches: list[int] = []
    pieces_of = indexing._index

    async def index(rt, posts):
        batches.append(sum(len(post.text) for post in posts))
        await pieces_of(rt, posts)

    monkeypatch.setattr(indexing, "_index", index)
    tenant = await a_tenant(rt)
    await a_channel(
        rt, tenant, ["Длинный пост. " * 30] * 7 + ["Короткий пост."] * 3 + ["Ещё длиннее. " * 100]
    )
    assert await indexing.index_dirty(rt, tenant.id) == 11
    assert len(batches) > 4 and all(size <= 1_000 for size in batches[1:]), batches


async def test_a_small_tenant_does_not_wait_for_a_huge_one(rt, monkeypatch: pytest.MonkeyPatch):
    """Turns of some seconds: who comes later with one post is served long before the huge one is done."""
    monkeypatch.setattr(indexing, "TURN_SECONDS", 0.0)  # a batch a turn
    huge, small = await a_tenant(rt), await a_tenant(rt)
    many = await a_channel(rt, huge, [f"Пост номер {n} большой группы." for n in range(indexing.BATCH * 6)])
    few = await a_channel(rt, small, ["Один пост маленькой группы."])
    left_when_served: list[int] = []

    async def dirty(channel: Channel) -> int:
        return sum(post.indexed_generation == 0 for post in (await stored(rt, channel)).values())

    async def index(payload: dict[str, str]) -> None:
        await indexing.take_turn(rt, UUID(payload["tenant_id"]))
        if not left_when_served and not await dirty(few):
            left_when_served.append(await dirty(many))

    async with rt.db.transaction() as db:
        await db.exec(text("DELETE FROM pgqueuer"))
        for tenant in (huge, huge, huge, small):  # each page of a backfill asks again
            await jobs.enqueue(db, "index", {"tenant_id": str(tenant.id)})
    await jobs.run_worker(rt.db.url, {"index": index}, drain=True)
    assert left_when_served[0] >= indexing.BATCH * 4
    assert await dirty(many) == await dirty(few) == 0
    await assert_chroma_matches(rt, small.id)


async def test_a_turn_keeps_no_transaction_open(rt):
    """While one tenant is indexed no transaction of ours is older than a batch: vacuum can do its work."""
    tenant = await a_tenant(rt)
    await a_channel(rt, tenant, [f"Такого текста ещё не было: {tenant.id}."])
    seen: list[int] = []

    class Watching:
        model, dimension = rt.embedder.model, rt.embedder.dimension

        async def embed_passages(self, texts, *, background=False):
            async with rt.db.transaction() as db:
                query = (
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE state = 'idle in transaction' AND datname = current_database()"
                )
                seen.append((await db.exec(text(query))).scalar_one())
            return await rt.embedder.embed_passages(texts)

        embed_query, close = rt.embedder.embed_query, rt.embedder.close

    await indexing.take_turn(replace(rt, embedder=Watching()), tenant.id)
    assert seen == [0]
    await assert_chroma_matches(rt, tenant.id)
