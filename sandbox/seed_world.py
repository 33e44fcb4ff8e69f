"""Fills a new world from `seed/`: people, channels and their history, dated relative to now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox.world.model import Channel, Person, Post
from sandbox.world.world import World

SEED = Path(__file__).parent / "seed"
DAY = 86_400
PEOPLE: list[dict[str, Any]] = [
    {"key": "anna", "first_name": "Анна", "last_name": None, "username": "anna", "language": "ru"},
    {"key": "max", "first_name": "Max", "last_name": None, "username": "max", "language": "en"},
]
# a group among the channels: the product must refuse to add it, with an explanation
GROUP = {
    "key": "neighbours",
    "username": "neighbours_chat",
    "title": "Соседи: чат дома",
    "about": "Группа, не канал",
    "followers": ["anna", "max"],
    "group": True,
}


def seed_people(world: World) -> None:
    """Add the people of `seed/people.json`, or without that file PEOPLE, to a world without people."""
    if world.people.by_id:
        return
    path = SEED / "people.json"
    for row in json.loads(path.read_text("utf-8")) if path.exists() else PEOPLE:
        world.people.add(row)
    world.commit()


def seed_channels(world: World) -> None:
    """Add the demo's channels with their history to a world without channels."""
    if world.channels.by_id:
        return
    rows: list[dict[str, Any]] = json.loads((SEED / "channels.json").read_text("utf-8"))
    if not any(row.get("group") for row in rows):
        rows.append(GROUP)
    channels = {row["key"]: _channel(world, row) for row in rows}
    now = world.clock.unix()
    for key, channel in channels.items():
        world.channels.load_history(channel, _posts(channels, channel, SEED / "posts" / f"{key}.jsonl", now))
    if not world.channels.live[channels[GROUP["key"]].id] if GROUP["key"] in channels else False:
        _talk(world, channels[GROUP["key"]], now)
    for person in world.people.by_id.values():
        _folder(world, person)
    world.commit()


def _channel(world: World, row: dict[str, Any]) -> Channel:
    followers = [world.people.get(key).id for key in row.get("followers", [])]
    owner = world.people.get(row["owner"]).id if row.get("owner") else None
    return world.channels.create(
        row["title"],
        key=row["key"],
        username=row.get("username"),
        about=row.get("about", ""),
        owner=owner,
        created=world.clock.unix() - 400 * DAY,
        private=row.get("private", False),
        megagroup=row.get("group", False),
        ticker=row.get("ticker", False),
        members=followers,
    )


def _posts(channels: dict[str, Channel], channel: Channel, path: Path, now: int) -> list[Post]:
    if not path.exists():
        return []
    lines = path.read_text("utf-8").splitlines()
    return [_post(channels, channel, json.loads(line), now) for line in lines if line.strip()]


def _post(channels: dict[str, Channel], channel: Channel, row: dict[str, Any], now: int) -> Post:
    date = int(now - row["days_ago"] * DAY)
    edited = row.get("edited")
    origin = row.get("forward")
    forward = None
    if origin:
        forward = {"channel_id": channels[origin["from"]].id, "post_id": origin["id"], "date": date}
    return Post(
        channel_id=channel.id,
        id=row["id"],
        text=edited["text"] if edited else row["text"],
        date=date,
        edit_date=int(now - edited["days_ago"] * DAY) if edited else None,
        views=row.get("views", 1),
        album=row.get("album"),
        photo=bool(row.get("photo") or row.get("album")),
        forward=forward,
        deleted=row.get("deleted", False),
    )


def _talk(world: World, group: Channel, now: int) -> None:
    said = ["Кто-нибудь ждёт посылку? Курьер у подъезда.", "Это мне, спускаюсь.", "Спасибо, забрал."]
    members = group.members
    posts = [
        Post(group.id, number, text, now - 3 * 3600 + number * 60, author=members[number % len(members)])
        for number, text in enumerate(said, start=1)
    ]
    world.channels.load_history(group, posts)


def _folder(world: World, person: Person) -> None:
    """Give the person a chat folder, so that clients have one to show."""
    broadcast = [each for each in world.channels.followed_by(person) if not each.megagroup]
    public = sorted(each.id for each in broadcast if not each.private)[:4]
    title = "Новости" if person.language == "ru" else "News"
    person.folders = [{"id": 2, "title": title, "channels": public}]
    world.people.save(person)
