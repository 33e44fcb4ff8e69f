"""Formatting and all that can be read arrive by real Telethon, live and from history."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import col, select
from telethon import types

from sandbox.tg_api.tl_json import to_json
from tests.ingest.reading import Side, connect, eventually, follow, make_channel
from tg_assistant.models import Channel, Post
from tg_assistant.settings.groups import Settings

RISE, DENIAL = "😀 Цены вырастут на 50 000.", " Это неправда."
STRUCK = {"offset": 0, "length": 27}
POLL = types.MessageMediaPoll(
    types.Poll(
        id=1,
        question=types.TextWithEntities("Едем?", []),
        answers=[types.PollAnswer(types.TextWithEntities(each, []), each.encode()) for each in ("Да", "Нет")],
        hash=0,
        close_date=datetime(2026, 12, 1, tzinfo=UTC),
    ),
    types.PollResults(
        results=[types.PollAnswerVoters("Да".encode(), voters=3, recent_voters=[])],
        total_voters=3,
        recent_voters=[],
    ),
)


@pytest.fixture
def ingest_settings(ingest_settings: Settings) -> Settings:
    """No pause between pages: the local Telegram is patient."""
    telegram = ingest_settings.telegram.model_copy(update={"history_pause": 0.0})
    return ingest_settings.model_copy(update={"telegram": telegram})


async def posts(rt: Any, side: Side) -> dict[int, Post]:
    query = (
        select(Post)
        .join(Channel, col(Channel.id) == col(Post.channel_id))
        .where(Channel.telegram_id == side.telegram.id)
    )
    async with rt.db.transaction() as db:
        return {post.message_id: post for post in await db.exec(query)}


async def test_what_telegram_shows_is_what_we_have(ingest_rt, sandbox, ingest, anna):
    """A poll and struck-out words from history; live, words are struck out after the fact."""
    side = make_channel(ingest_rt, sandbox, "All Kinds", ["anna"], posts=3)
    struck = [{"type": "strikethrough", **STRUCK}]
    old = sandbox.channels.publish(side.telegram, RISE + DENIAL, entities=struck)
    poll = sandbox.channels.publish(side.telegram, "", fields={"media": to_json(POLL)})
    sandbox.world.commit()
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        await follow(ingest_rt, anna, side)
        await side.arrives()
        found = await posts(ingest_rt, side)
        assert (found[old.id].text, found[old.id].said) == (RISE + DENIAL, "Это неправда.")
        assert found[old.id].entities == [{"kind": "strikethrough", **STRUCK}]
        assert found[poll.id].media == "poll"
        assert [part["text"] for part in found[poll.id].parts] == [
            "Опрос: Едем? Варианты ответа: Да; Нет",
            "Голоса в опросе «Едем?»: Да — 3 (всего 3)",
        ]
        await asyncio.sleep(2)  # until the reader has looked
        [live] = side.publish(RISE + DENIAL)
        await side.arrives()
        assert (await posts(ingest_rt, side))[live.id].said == RISE + DENIAL
        sandbox.channels.edit(side.telegram, live.id, RISE + DENIAL, entities=struck)
        sandbox.world.commit()

        async def denied() -> bool:
            row = (await posts(ingest_rt, side))[live.id]
            return (row.said, row.version) == ("Это неправда.", 2)

        await eventually(denied, "struck out", 30)


async def test_a_new_title_is_known_at_once(ingest_rt, sandbox, ingest, anna):
    """The service message says it: no comparison with the list is waited for, and no post is made of it."""
    side = make_channel(ingest_rt, sandbox, "Old Title", ["anna"], posts=3)
    async with ingest.running():
        await connect(ingest_rt, sandbox, anna, "anna")
        channel = await follow(ingest_rt, anna, side)
        await side.arrives()
        await asyncio.sleep(8)  # until the reader has compared it, which it does again in 15 minutes
        told = sandbox.channels.rename(side.telegram, "New Title")
        sandbox.world.commit()

        async def renamed() -> bool:
            async with ingest_rt.db.transaction() as db:
                now = (await db.exec(select(Channel).where(Channel.id == channel.id))).one()
            return (now.title, now.username) == ("New Title", side.telegram.username)

        await eventually(renamed, "the new title", 5)
    assert told.id not in await posts(ingest_rt, side)
