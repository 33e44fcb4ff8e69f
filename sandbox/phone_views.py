"""World objects as the phone's JSON, described in phone_api.md."""

from __future__ import annotations

from typing import Any

from sandbox.bot_api import shapes
from sandbox.world.model import AuthKey, BotMessage, Channel, LoginToken, Person, Post
from sandbox.world.tokens import encode
from sandbox.world.world import World


def person(item: Person) -> dict[str, Any]:
    names = ("id", "key", "first_name", "last_name", "username", "phone", "language", "theme")
    shape = {name: getattr(item, name) for name in names}
    hint = item.password["hint"] if item.password else None
    return {**shape, "two_factor": item.password is not None, "hint": hint or None}


def bot_message(world: World, item: BotMessage) -> dict[str, Any]:
    names = ("id", "out", "text", "entities", "date", "edit_date", "reply_markup", "reply_to", "web_app_data")
    shape = {name: getattr(item, name) for name in names}
    origin = None
    if item.forward:
        channel = world.channels.by_id[item.forward["channel_id"]]
        origin = {"title": channel.title, "username": channel.username, "post_id": item.forward["post_id"]}
    document = item.document and {
        "file_name": item.document["file_name"],
        "mime_type": item.document["mime_type"],
        "size": item.document["file_size"],
        "url": f"/phone-api/files/{item.document['file_id']}",
    }
    photo = item.photo and {"url": f"/phone-api/files/{item.photo['file_id']}"}
    return {**shape, "forward": origin, "photo": photo, "document": document}


def channel(world: World, item: Channel, viewer: Person) -> dict[str, Any]:
    return {
        "id": item.id,
        "key": item.key,
        "kind": "group" if item.megagroup else "channel",
        "title": item.title,
        "username": item.username,
        "about": item.about,
        "private": item.private,
        "owned": item.owner == viewer.id,
        "joined": viewer.id in item.members,
        "members": len(item.members),
        "posts": len(world.channels.live[item.id]),
        "link": f"https://t.me/{item.username}" if item.username else None,
    }


def post(world: World, item: Post) -> dict[str, Any]:
    origin, link = None, None
    if item.forward:
        source = world.channels.by_id[item.forward["channel_id"]]
        origin = {
            "channel_id": source.id,
            "title": source.title,
            "username": source.username,
            "post_id": item.forward["post_id"],
        }
    username = world.channels.by_id[item.channel_id].username
    if username:
        link = f"https://t.me/{username}/{item.id}"
    names = ("id", "text", "date", "edit_date", "views", "album", "photo")
    return {
        **{name: getattr(item, name) for name in names},
        "entities": item.entities or shapes.text_entities(item.text),
        "forward": origin,
        "link": link,
    }


def chats(world: World, viewer: Person) -> list[dict[str, Any]]:
    """The chats with the bot and the followed channels, the latest activity first."""
    facts = world.install.facts
    talk = world.chats.messages(viewer)
    bot = {
        "kind": "bot",
        "id": facts["bot_id"],
        "title": facts["bot_name"],
        "username": facts["bot_username"],
        "private": True,
        "owned": False,
        "last": {name: getattr(talk[-1], name) for name in ("id", "text", "date")} if talk else None,
    }
    rows = [bot]
    for each in world.channels.followed_by(viewer):
        live = world.channels.live[each.id]
        last = world.channels.posts[each.id][live[-1]] if live else None
        shape = channel(world, each, viewer)
        rows.append(
            {name: shape[name] for name in ("kind", "id", "title", "username", "private", "owned")}
            | {"last": {name: getattr(last, name) for name in ("id", "text", "date")} if last else None}
        )
    return sorted(rows, key=lambda row: row["last"]["date"] if row["last"] else 0, reverse=True)


def device(key: AuthKey, *, online: bool) -> dict[str, Any]:
    return {
        "hash": str(key.session),
        "device": key.device,
        "app": key.app,
        "platform": key.system,
        "created": key.logged_in_at,
        "active": key.active,
        "current": False,
        "online": online,
        "password_pending": key.pending_id is not None,
    }


def code(world: World, token: LoginToken) -> dict[str, Any]:
    key = world.keys.get(token.key_id)
    return {
        "token": encode(token),
        "device": key.device if key else "",
        "app": key.app if key else "",
        "seconds_left": max(0, int(token.expires - world.clock.now())),
        "expires": token.expires,
    }
