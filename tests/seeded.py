"""The demo channels of the sandbox put straight into the database, with the two people who follow them."""

import json
import zlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from tests.corpus import NOW, a_reader, a_tenant
from tg_assistant.core.actor import Actor
from tg_assistant.core.posts import ingestion
from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Channel, ChannelAccess, Subscription

SEED = Path(__file__).parents[1] / "sandbox" / "seed"
Json = dict[str, Any]


@dataclass(frozen=True)
class Seeded:
    """`channels` maps ids to the seed's keys, `people` its names to readers."""

    tenant_id: UUID
    people: dict[str, Actor]
    channels: dict[UUID, str]


async def seed(rt: Runtime) -> Seeded:
    """Load every channel as it was first posted, then the edits and deletions, as a live reader sees them."""
    where = await a_tenant(rt)
    people = {name: await a_reader(rt, where, 9_000_000 + n) for n, name in enumerate(("anna", "max"))}
    channels: dict[UUID, str] = {}
    described = json.loads((SEED / "channels.json").read_text())
    numbers = {channel["key"]: n for n, channel in enumerate(described, start=1)}
    async with rt.db.transaction(where.id) as db:
        accounts = {
            name: Account(tenant_id=where.id, user_id=p.user_id, telegram_id=p.telegram_id)
            for name, p in people.items()
        }
        db.add_all(accounts.values())
        await db.flush()
        for one in described:
            channel = Channel(
                tenant_id=where.id,
                telegram_id=numbers[one["key"]],
                title=one["title"],
                username=one["username"],
                private=one["private"],
            )
            db.add(channel)
            await db.flush()
            channels[channel.id] = one["key"]
            await _followed(db, channel, [accounts[name] for name in one["followers"]])
            await _posted(db, channel, one["key"], numbers)
    return Seeded(where.id, people, channels)


async def _followed(db: AsyncSession, channel: Channel, followers: list[Account]) -> None:
    for account in followers:
        shared = {"user_id": account.user_id, "channel_id": channel.id, "tenant_id": channel.tenant_id}
        db.add(Subscription(**shared))
        db.add(ChannelAccess(account_id=account.id, access_hash=1, **shared))
    await db.flush()


async def _posted(db: AsyncSession, channel: Channel, key: str, numbers: dict[str, int]) -> None:
    lines = [json.loads(line) for line in (SEED / "posts" / f"{key}.jsonl").read_text().splitlines()]
    await ingestion.save_page(
        db, channel.id, [_incoming(line, numbers) for line in lines], [], via="backfill"
    )
    for line in lines:
        if "edited" in line:
            await ingestion.save_live(db, channel.id, [_incoming(line, numbers, edited=True)], [line["id"]])
    await ingestion.mark_deleted(db, channel.id, [line["id"] for line in lines if line.get("deleted")])


def _incoming(line: Json, numbers: dict[str, int], *, edited: bool = False) -> IncomingPost:
    now = line["edited"] if edited else line
    source = line.get("forward") or {}
    return IncomingPost(
        message_id=line["id"],
        posted_at=NOW - timedelta(days=line["days_ago"]),
        edited_at=NOW - timedelta(days=now["days_ago"]) if edited else None,
        text=now["text"],
        album_id=zlib.crc32(line["album"].encode()) if "album" in line else None,
        forward_channel=numbers.get(source.get("from", "")),
        forward_message=source.get("id"),
    )
