"""Vectors in a Chroma server: a collection per tenant and embedding model, with ids and channels, no texts.

Uses the server's REST API v2 with httpx: the `chromadb` client costs 80 MB and 1.7 s per process, has no
timeout and shares its connections between instances. The data is derived from PostgreSQL and can be rebuilt.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import numpy as np
import structlog

from tg_assistant.errors import Unavailable

log = structlog.get_logger()

BATCH = 500
PAGE = 10_000
_PATIENT = httpx.Timeout(30, connect=2)
_SEARCH = httpx.Timeout(4, connect=2)  # a person waits, and full-text search can answer alone
_ROOT = "/api/v2/tenants/default_tenant/databases/default_database/collections"
# Twice Chroma's default search breadth, because a filter by channel reduces what the graph search finds.
_INDEX = {"hnsw": {"space": "cosine", "ef_construction": 100, "ef_search": 200}}


class Space(NamedTuple):
    """A tenant's vectors of one embedding model."""

    tenant_id: UUID
    model: str


class Hit(NamedTuple):
    """A chunk and its cosine to the query."""

    chunk_id: UUID
    cosine: float


class Vectors:
    """The process's only client. Every method raises `Unavailable` when Chroma cannot answer."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=_PATIENT)
        self._collections: dict[Space, str] = {}

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def upsert(
        self, space: Space, ids: Sequence[UUID], vectors: np.ndarray, channel_ids: Sequence[UUID]
    ) -> None:
        """Store the vectors of chunks with their channels; existing ids are replaced."""
        for start in range(0, len(ids), BATCH):
            part = slice(start, start + BATCH)
            body = {
                "ids": [str(chunk) for chunk in ids[part]],
                "embeddings": vectors[part].tolist(),
                "metadatas": [{"channel_id": str(channel)} for channel in channel_ids[part]],
            }
            await self._in(space, "upsert", body)

    async def query(
        self, channel_ids: Iterable[UUID], space: Space, vector: np.ndarray, k: int = 50
    ) -> list[Hit]:
        """Return the `k` chunks nearest to `vector`, the best first, in these channels only."""
        allowed = [str(channel) for channel in channel_ids]
        if not allowed:
            return []
        body = {
            "query_embeddings": [vector.tolist()],
            "n_results": k,
            "where": {"channel_id": {"$in": allowed}},
            "include": ["distances"],
        }
        found = await self._in(space, "query", body)
        if found is None:
            return []
        pairs = zip(found["ids"][0], found["distances"][0], strict=True)
        return [Hit(UUID(chunk), 1 - distance) for chunk, distance in pairs]

    async def fetch(self, space: Space, ids: Sequence[UUID]) -> dict[UUID, np.ndarray]:
        """Return the stored vectors of `ids`; unknown ones are left out."""
        if not ids:
            return {}
        body = {"ids": [str(chunk) for chunk in ids], "include": ["embeddings"]}
        found = await self._in(space, "get", body)
        if found is None:
            return {}
        pairs = zip(found["ids"], found["embeddings"], strict=True)
        return {UUID(chunk): np.array(vector, np.float32) for chunk, vector in pairs}

    async def delete_ids(self, space: Space, ids: Sequence[UUID]) -> None:
        """Delete these chunks; unknown ones are ignored."""
        for start in range(0, len(ids), BATCH):
            await self._in(space, "delete", {"ids": [str(chunk) for chunk in ids[start : start + BATCH]]})

    async def delete_channel(self, space: Space, channel_id: UUID) -> None:
        """Delete all chunks of a channel."""
        await self._in(space, "delete", {"where": {"channel_id": str(channel_id)}})

    async def drop(self, tenant_id: UUID) -> None:
        """Delete all collections of a tenant, of any model."""
        for collection in await self._request("GET", _ROOT, params={"limit": 10_000}):
            if collection["name"].startswith(tenant_id.hex):
                await self._request("DELETE", f"{_ROOT}/{collection['name']}", missing_ok=True)
        self._collections = {space: at for space, at in self._collections.items() if space[0] != tenant_id}

    async def count(self, space: Space) -> int:
        """Return how many chunks are stored."""
        return int(await self._in(space, "count") or 0)

    async def ids(self, space: Space) -> set[UUID]:
        """Return the ids of all stored chunks, to be compared with PostgreSQL's."""
        found: set[UUID] = set()
        while True:
            page = await self._in(space, "get", {"limit": PAGE, "offset": len(found), "include": []})
            if page is None:
                return found
            found.update(UUID(chunk) for chunk in page["ids"])
            if len(page["ids"]) < PAGE:
                return found

    async def check(self) -> None:
        """Raise `Unavailable` unless the server answers."""
        await self._request("GET", "/api/v2/heartbeat")

    async def _in(self, space: Space, action: str, body: dict[str, Any] | None = None) -> Any:
        """Make a call on the collection of `space`; return None if there is none and `action` does not store.

        Only storing creates a collection, so that late reads of a deleted group do not recreate one. If the
        server was wiped, the call is retried once with a new collection.
        """
        method = "GET" if body is None else "POST"
        known = space in self._collections
        try:
            collection = await self._collection(space, create=action == "upsert")
            if collection is None:
                return None
            timeout = _SEARCH if action == "query" else _PATIENT
            return await self._request(method, f"{_ROOT}/{collection}/{action}", json=body, timeout=timeout)
        except _Missing:
            self._collections.pop(space, None)
            if not known:
                raise Unavailable("vectors.unavailable", retry_after=2) from None
            return await self._in(space, action, body)

    async def _collection(self, space: Space, *, create: bool) -> str | None:
        """Return the server's id of the collection; None if there is none and `create` is False."""
        if space not in self._collections:
            model = hashlib.sha256(space.model.encode()).hexdigest()[:12]
            name = f"{space.tenant_id.hex}-{model}"
            if create:
                body = {"name": name, "metadata": {"model": space.model}, "configuration": _INDEX}
                found = await self._request("POST", _ROOT, json={**body, "get_or_create": True})
            else:
                found = await self._request("GET", f"{_ROOT}/{name}", missing_ok=True)
            if found is None:
                return None
            self._collections[space] = found["id"]
        return self._collections[space]

    async def _request(self, method: str, path: str, *, missing_ok: bool = False, **parts: Any) -> Any:
        try:
            answer = await self._http.request(method, path, **parts)
        except httpx.HTTPError as error:
            log.warning("vectors.unreachable", error=type(error).__name__)
            raise Unavailable("vectors.unavailable", retry_after=2) from error
        if answer.status_code == 404:
            if missing_ok:
                return None
            raise _Missing
        if not answer.is_success:
            log.error("vectors.refused", status=answer.status_code, path=path)
            raise Unavailable("vectors.unavailable", retry_after=2)
        return answer.json()


class _Missing(Exception):
    """The server has no such collection."""
