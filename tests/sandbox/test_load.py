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


async def test_markdown_arrives_as_telegram_would_have_it(
    sandbox: Sandbox, connect: Connect, tmp_path: Path
) -> None:
    """Clean text for a client, and its formatting as entities, in UTF-16 units."""
    row = {"channel": "Shop", "channel_id": 1000724668, "message_id": 1, "date": "2024-07-01T08:57:11+00:00"}
    row["text"] = "😀 **Sale** ~~50~~ 40, [Subscribe](https://example.org/a_(b)) and https://example.com"
    path = tmp_path / "posts.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    sandbox.load(path, followers=["anna"])
    client = await connect("anna")
    [message] = await client.get_messages("channel_shop", limit=1)
    assert message.message == "😀 Sale 50 40, Subscribe and https://example.com"
    told = [(type(entity).__name__[13:], inner) for entity, inner in message.get_entities_text()]
    assert told == [
        ("Bold", "Sale"),
        ("Strike", "50"),
        ("TextUrl", "Subscribe"),
        ("Url", "https://example.com"),
    ]
    assert message.entities[2].url == "https://example.org/a_(b)"


async def test_the_ticker_counts_on(sandbox: Sandbox) -> None:
    """Each tick is another post like any other."""
    channel = next(channel for channel in sandbox.channels.by_id.values() if channel.ticker)
    posts = sandbox.channels.posts[channel.id]
    for _ in range(2):
        tick(sandbox.world, channel, ["reading {n}: {value} at {time}"])
    texts = [posts[post_id].text for post_id in sandbox.channels.live[channel.id][-2:]]
    assert [text.split(":")[0] for text in texts] == ["reading 1", "reading 2"]
