"""World objects as the Bot API's JSON."""

from __future__ import annotations

import re
from typing import Any

from sandbox.bot_api.contents import CAPTIONED
from sandbox.bot_api.markup import utf16_length
from sandbox.tg_api.convert import URL
from sandbox.world.model import BotMessage, Channel, Person
from sandbox.world.world import World

COMMAND = re.compile(r"(?:^|(?<=\s))/[a-zA-Z0-9_]{1,32}(?:@\w+)?")


def bot_user(world: World) -> dict[str, Any]:
    facts = world.install.facts
    name = world.bot.setting("name:", facts["bot_name"])
    return {"id": facts["bot_id"], "is_bot": True, "first_name": name, "username": facts["bot_username"]}


def user(person: Person) -> dict[str, Any]:
    shape = {
        "id": person.id,
        "is_bot": False,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "username": person.username,
        "language_code": person.language,
    }
    return {name: value for name, value in shape.items() if value is not None}


def private_chat(person: Person) -> dict[str, Any]:
    shape = user(person)
    return {**{key: shape[key] for key in shape if key not in ("is_bot", "language_code")}, "type": "private"}


def channel_chat(channel: Channel) -> dict[str, Any]:
    kind = "supergroup" if channel.megagroup else "channel"
    shape: dict[str, Any] = {"id": int(f"-100{channel.id}"), "type": kind, "title": channel.title}
    return {**shape, "username": channel.username} if channel.username else shape


def text_entities(text: str) -> list[dict[str, Any]]:
    """The entities that Telegram detects in plain text: commands and links."""
    found = [("bot_command", match) for match in COMMAND.finditer(text)]
    found += [("url", match) for match in URL.finditer(text)]
    return [
        {
            "type": kind,
            "offset": utf16_length(text[: match.start()]),
            "length": utf16_length(match.group()),
        }
        for kind, match in sorted(found, key=lambda each: each[1].start())
    ]


def message(world: World, item: BotMessage, *, nested: bool = True) -> dict[str, Any]:
    """A Message; with `nested`, including the one it replies to, but not that one's."""
    person = world.people.by_id[item.person_id]
    shape: dict[str, Any] = {
        "message_id": item.id,
        "from": user(person) if item.out else bot_user(world),
        "chat": private_chat(person),
        "date": item.date,
    }
    if item.edit_date:
        shape["edit_date"] = item.edit_date
    if item.reply_markup and "inline_keyboard" in item.reply_markup:
        shape["reply_markup"] = item.reply_markup
    if nested and item.reply_to:
        original = next((each for each in world.chats.messages(person) if each.id == item.reply_to), None)
        if original:
            shape["reply_to_message"] = message(world, original, nested=False)
    return shape | _content(world, item)


def _content(world: World, item: BotMessage) -> dict[str, Any]:
    shape: dict[str, Any] = {**(item.content or {})}
    captioned = item.photo or item.document or shape.keys() & CAPTIONED
    text, entities = ("caption", "caption_entities") if captioned else ("text", "entities")
    if item.album:
        shape["media_group_id"] = item.album
    if item.web_app_data:
        return {"web_app_data": item.web_app_data}
    if item.text:
        shape[text] = item.text
    if item.entities:
        shape[entities] = item.entities
    if item.photo:
        kept = {name: item.photo[name] for name in ("file_id", "file_unique_id", "file_size")}
        shape["photo"] = [{**kept, "width": 800, "height": 600}]
    if item.document:
        shape["document"] = item.document
    if item.forward:
        channel = world.channels.by_id[item.forward["channel_id"]]
        shape["forward_origin"] = {
            "type": "channel",
            "date": item.forward["date"],
            "chat": channel_chat(channel),
            "message_id": item.forward["post_id"],
        }
    return shape
