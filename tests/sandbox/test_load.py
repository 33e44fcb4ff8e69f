"""Loading real posts, and the channel that posts by itself."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from sandbox.control import Sandbox
from sandbox.ticker import tick
from sandbox.world.errors import WorldError
from tests.sandbox.conftest import Connect

DATA = Path(os.environ.get("EVAL_DATA_DIR", "../shared/data")) / "telegram_posts_ru.jsonl.gz"


def _file(folder: Path) -> Path:
    rows = [
        {
            "channel": title,
            "channel_id": channel_id,
            "message_id": number,
            "date": f"2024-07-{number:02}T08:57:11+00:00",
            "text": f"Новость {number}",
        }
        for channel_id, title in ((1000724666, "Наука сегодня"), (1000724667, "112"))
        for number in range(1, 21)
    ]
    path = folder / "posts.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return path


async def test_loaded_channels_are_followed_and_readable(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    """Ids, dates and texts are the file's; names can be resolved."""
    loaded = sandbox.load(_file(tmp_path), limit=20, followers=["anna"])
    assert [channel.username for channel in loaded] == ["nauka_segodnya", "channel_112"]
    client = await connect("anna")
    messages = await client.get_messages("nauka_segodnya", limit=50)
    assert [message.id for message in messages] == list(range(20, 10, -1))
    assert messages[0].date.isoformat() == "2024-07-20T08:57:11+00:00"
    assert loaded[0] in sandbox.channels.followed_by(sandbox.phone("anna").person)
    assert loaded[0] not in sandbox.channels.followed_by(sandbox.phone("max").person)
    with pytest.raises(WorldError, match="loaded already"):
        sandbox.load(_file(tmp_path))


async def test_two_thousand_real_posts_load_in_seconds(sandbox: Sandbox) -> None:
    """The data set's form is understood and storing it is quick."""
    if not DATA.exists():
        pytest.skip(f"{DATA} is missing")
    started = time.perf_counter()
    loaded = sandbox.load(DATA, limit=2000, followers=["anna"])
    assert sum(len(sandbox.channels.live[channel.id]) for channel in loaded) == 2000
    assert time.perf_counter() - started < 30


async def test_the_ticker_counts_on(sandbox: Sandbox) -> None:
    """Each tick is another post like any other."""
    channel = next(channel for channel in sandbox.channels.by_id.values() if channel.ticker)
    posts = sandbox.channels.posts[channel.id]
    for _ in range(2):
        tick(sandbox.world, channel, ["reading {n}: {value} at {time}"])
    texts = [posts[post_id].text for post_id in sandbox.channels.live[channel.id][-2:]]
    assert [text.split(":")[0] for text in texts] == ["reading 1", "reading 2"]
