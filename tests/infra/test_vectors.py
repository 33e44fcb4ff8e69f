"""Vectors against a real Chroma server: tenants apart, channels filtered, faults translated."""

from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest

from tg_assistant.errors import Unavailable
from tg_assistant.infra.vectors import Space, Vectors


@pytest.fixture
async def vectors(chroma_url):
    vectors = Vectors(chroma_url)
    yield vectors
    await vectors.close()


def unit(count: int, seed: int = 0) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(count, 384)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def a_space(tenant: UUID | None = None) -> Space:
    return Space(tenant or uuid4(), "a-model@1")


async def test_the_nearest_chunks_come_with_their_cosine(vectors):
    """The vector itself is found first with cosine one; upserting the same id again replaces it."""
    space, channel, ids, stored = a_space(), uuid4(), [uuid4() for _ in range(30)], unit(30)
    await vectors.upsert(space, ids, stored, [channel] * 30)
    await vectors.upsert(space, ids, stored, [channel] * 30)
    hits = await vectors.query({channel}, space, stored[7], k=3)
    assert hits[0].chunk_id == ids[7]
    assert hits[0].cosine == pytest.approx(1, abs=1e-4)
    assert hits[1].cosine == pytest.approx(float(np.sort(stored @ stored[7])[-2]), abs=1e-3)
    assert await vectors.count(space) == 30
    assert await vectors.ids(space) == set(ids)


async def test_only_the_allowed_channels_of_the_own_tenant_are_searched(vectors):
    """Another tenant's vectors, other channels' vectors and an empty permission give nothing."""
    space, mine, other, vector = a_space(), uuid4(), uuid4(), unit(2)
    ids = [uuid4(), uuid4()]
    await vectors.upsert(space, ids, vector, [mine, other])
    await vectors.upsert(a_space(), [uuid4()], vector[:1], [mine])
    assert [hit.chunk_id for hit in await vectors.query({mine}, space, vector[1])] == [ids[0]]
    assert await vectors.query(set(), space, vector[0]) == []
    assert await vectors.query({uuid4()}, space, vector[0]) == []


async def test_fetching_gives_what_was_stored_and_no_more(vectors):
    """Unknown ids are left out."""
    space, chunk, vector = a_space(), uuid4(), unit(1)
    await vectors.upsert(space, [chunk], vector, [uuid4()])
    found = await vectors.fetch(space, [chunk, uuid4()])
    assert list(found) == [chunk]
    assert np.allclose(found[chunk], vector[0], atol=1e-6)
    assert await vectors.fetch(space, []) == {}


async def test_chunks_channels_and_tenants_are_forgotten(vectors):
    """Deleting is by id, by channel or everything of a tenant, and asking for what is gone is no error."""
    space, gone, kept = a_space(), uuid4(), uuid4()
    ids = [uuid4() for _ in range(3)]
    await vectors.upsert(space, ids, unit(3), [gone, gone, kept])
    await vectors.delete_ids(space, [ids[0], uuid4()])
    assert await vectors.ids(space) == {ids[1], ids[2]}
    await vectors.delete_channel(space, gone)
    assert await vectors.ids(space) == {ids[2]}
    await vectors.drop(space.tenant_id)
    assert await vectors.count(space) == 0


async def test_a_wiped_server_gets_its_collections_anew(vectors, chroma_url):
    """A collection that vanished under a running process is made again instead of failing for ever."""
    space, channel = a_space(), uuid4()
    await vectors.upsert(space, [uuid4()], unit(1), [channel])
    other = Vectors(chroma_url)
    await other.drop(space.tenant_id)
    await other.close()
    assert await vectors.query({channel}, space, unit(1)[0]) == []
    await vectors.upsert(space, [uuid4()], unit(1), [channel])
    assert await vectors.count(space) == 1


async def test_a_dead_server_and_a_refusal_are_unavailable(vectors):
    """Neither a closed port nor vectors of another length show a library's error."""
    dead = Vectors("http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        await dead.check()
    await dead.close()
    await vectors.check()
    space = a_space()
    await vectors.upsert(space, [uuid4()], unit(1), [uuid4()])
    with pytest.raises(Unavailable):
        await vectors.upsert(space, [uuid4()], np.ones((1, 3), np.float32), [uuid4()])


async def test_the_server_holds_no_texts(vectors, chroma_url):
    """What Chroma stores beside a vector is its channel and nothing else."""
    space, channel = a_space(), uuid4()
    await vectors.upsert(space, [uuid4()], unit(1), [channel])
    root = f"{chroma_url}/api/v2/tenants/default_tenant/databases/default_database/collections"
    async with httpx.AsyncClient(timeout=60) as http:
        listed = (await http.get(root)).json()
        (collection,) = [c["id"] for c in listed if c["name"].startswith(space.tenant_id.hex)]
        include = {"include": ["documents", "metadatas"]}
        stored = (await http.post(f"{root}/{collection}/get", json=include)).json()
    assert stored["documents"] == [None]
    assert stored["metadatas"] == [{"channel_id": str(channel)}]
