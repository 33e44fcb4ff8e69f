"""Loads real posts (one JSON object per line, gzipped or plain) as channels.

A line is {"channel","channel_id","message_id","date","text"}, as in the telegram-news-classifier data set;
the Markdown of the text becomes entities.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox import markdown
from sandbox.world.channels import LONGEST
from sandbox.world.errors import WorldError
from sandbox.world.model import Channel, Person, Post
from sandbox.world.world import World

_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_SOUNDS = "a|b|v|g|d|e|e|zh|z|i|y|k|l|m|n|o|p|r|s|t|u|f|h|ts|ch|sh|sch||y||e|yu|ya"
_LATIN = dict(zip(_CYRILLIC, _SOUNDS.split("|"), strict=True))


def load_posts(
    world: World, path: Path, *, limit: int | None = None, followers: Sequence[Person] = ()
) -> list[Channel]:
    """Add the file's channels with their posts, the newest ones if there are more than `limit`.

    `limit` is for all channels together, spread evenly. Raises WorldError CHANNEL_EXISTS if one exists.
    """
    by_channel: dict[int, list[dict[str, Any]]] = {}
    for row in _rows(path):
        by_channel.setdefault(row["channel_id"], []).append(row)
    each = -(-limit // len(by_channel)) if limit and by_channel else None
    left = limit if limit is not None else sum(map(len, by_channel.values()))
    channels = []
    for channel_id, rows in by_channel.items():
        part = (
            sorted(rows, key=lambda row: row["message_id"])[-min(each or len(rows), left) :] if left else []
        )
        left -= len(part)
        channels.append(_channel(world, channel_id, rows[0]["channel"], followers))
        world.channels.load_history(channels[-1], [_post(row) for row in part])
    world.commit()
    return channels


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    content = path.read_bytes()
    lines = (gzip.decompress(content) if path.suffix == ".gz" else content).decode().split("\n")
    return (json.loads(line) for line in lines if line.strip())


def _channel(world: World, channel_id: int, title: str, followers: Sequence[Person]) -> Channel:
    if channel_id in world.channels.by_id:
        raise WorldError("CHANNEL_EXISTS", f"The channel {title} is loaded already.", 409)
    return world.channels.create(
        title,
        id=channel_id,
        key=f"loaded{channel_id}",
        username=_username(world, title, channel_id),
        members=[person.id for person in followers],
    )


def _username(world: World, title: str, channel_id: int) -> str:
    latin = "".join(_LATIN.get(letter, letter) for letter in title.lower())
    name = re.sub(r"[^a-z0-9]+", "_", latin)[:24].strip("_")
    if len(name) < 5 or not name[0].isalpha():
        name = f"channel_{name}"[:24].strip("_")
    return f"{name}_{channel_id % 1000}" if world.channels.named(name) else name


def _post(row: dict[str, Any]) -> Post:
    date = int(datetime.fromisoformat(row["date"]).timestamp())
    text, entities = markdown.clipped(*markdown.parse(row["text"]), LONGEST)
    return Post(row["channel_id"], row["message_id"], text, date, entities=entities)
