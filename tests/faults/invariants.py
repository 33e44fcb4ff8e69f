"""What must hold after any fault: our posts are Telegram's, and the index holds exactly our live posts."""

from typing import Any

import httpx
from sqlalchemy import text

from tests.phone import Phone
from tests.product import Product
from tg_assistant.errors import Unavailable
from tg_assistant.infra.postgres.db import Database, set_operator
from tg_assistant.infra.vectors import Space, Vectors

_OURS = """
    SELECT c.title, p.message_id, p.text FROM posts p JOIN channels c ON c.id = p.channel_id
    WHERE p.deleted_at IS NULL AND c.title = ANY(:titles)
"""
_CHUNKS = """
    SELECT k.id FROM chunks k JOIN posts p ON p.id = k.post_id WHERE p.deleted_at IS NULL
"""


async def differences(product: Product, phone: Phone, titles: list[str]) -> dict[str, Any]:
    """What we lack or have too much beside Telegram, and the index beside us; {} is good.

    A neighbour that does not answer in time on a busy machine is one more difference: look again.
    """
    try:
        return await _differences(product, phone, titles)
    except (Unavailable, httpx.HTTPError) as error:
        return {"not_answered": repr(error)}


async def _differences(product: Product, phone: Phone, titles: list[str]) -> dict[str, Any]:
    owner = Database(product.demo.running_database().owner_url, pool_size=1)
    vectors = Vectors(f"http://127.0.0.1:{product.demo.ports['chroma']}")
    try:
        async with owner.transaction() as db:
            await set_operator(db)
            rows = await db.exec(text(_OURS).bindparams(titles=titles))
            ours = {(row.title, row.message_id): row.text for row in rows}
            chunks = {row.id for row in await db.exec(text(_CHUNKS))}
            held = (await db.exec(text("SELECT count(*) FROM posts WHERE indexed_generation = 0"))).one()[0]
            tenants = [row.id for row in await db.exec(text("SELECT id FROM tenants"))]
            models = [row.model for row in await db.exec(text("SELECT DISTINCT model FROM vectors"))]
        indexed: set[Any] = set()
        for tenant in tenants:
            for model in models:
                indexed |= await vectors.ids(Space(tenant, model))
    finally:
        await vectors.close()
        await owner.close()
    theirs = await served(phone, titles)
    found = {
        "missing": sorted(theirs.keys() - ours.keys()),
        "too_many": sorted(ours.keys() - theirs.keys()),
        "other_text": sorted(k for k in theirs.keys() & ours.keys() if theirs[k] != ours[k]),
        "not_in_index": len(chunks - indexed),
        "only_in_index": len(indexed - chunks),
        "dirty": held,
    }
    return {name: value for name, value in found.items() if value}


async def served(phone: Phone, titles: list[str]) -> dict[tuple[str, int], str]:
    """Every post of these channels as the person's Telegram shows them."""
    posts: dict[tuple[str, int], str] = {}
    for channel in await phone.get("/channels"):
        before = ""
        while channel["title"] in titles:
            page = (await phone.get(f"/channels/{channel['id']}/posts?limit=100{before}"))["posts"]
            posts |= {(channel["title"], post["id"]): post["text"] for post in page}
            if not page:
                break
            before = f"&before_id={page[0]['id']}"
    return posts
