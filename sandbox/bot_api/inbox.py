"""A person's actions in the bot's chat, delivered to the bot as updates."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.bot_api import shapes
from sandbox.bot_api.contents import content
from sandbox.world.errors import WorldError
from sandbox.world.model import BotMessage, Person, Post
from sandbox.world.world import World

ANSWER_WITHIN = 10.0  # seconds a phone waits for answerCallbackQuery

_waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}


@dataclass(frozen=True)
class CallbackAnswer:
    """The bot's answer to a pressed button, as the phone shows it."""

    text: str | None
    show_alert: bool
    url: str | None


def send(
    world: World, person: Person, text: str, *, entities: list[dict[str, Any]] | None = None, **facts: Any
) -> BotMessage:
    """Send a person's message to the bot, which also unblocks it.

    `entities` are the person's own formatting, in addition to what Telegram detects. `facts` are attributes
    of BotMessage (reply_to, forward, web_app_data, content, album). Raises WorldError MESSAGE_EMPTY.
    """
    if not text.strip() and not (facts.keys() & {"web_app_data", "content", "photo"}):
        raise WorldError("MESSAGE_EMPTY", "The message is empty.")
    block(world, person, False)
    found = [*(entities or []), *shapes.text_entities(text)]
    found.sort(key=lambda each: each["offset"])
    item = world.chats.add(person, text, out=True, entities=found, **facts)
    world.bot.notify("message", shapes.message(world, item))
    return item


def send_album(world: World, person: Person, captions: Sequence[str], **facts: Any) -> list[BotMessage]:
    """Send photos as an album: an update each, with the same media_group_id. `facts` as in `send`."""
    facts = {"album": str(secrets.randbits(53)), "content": content("photo"), **facts}
    return [send(world, person, caption, **facts) for caption in captions]


def block(world: World, person: Person, blocked: bool) -> None:
    """Block or unblock the bot, which is told: https://core.telegram.org/bots/api#chatmemberupdated"""
    if world.chats.blocked(person) == blocked:
        return
    world.chats.block(person, blocked)
    bot, kicked = shapes.bot_user(world), {"status": "kicked", "until_date": 0}
    old, new = ({"status": "member"}, kicked) if blocked else (kicked, {"status": "member"})
    world.bot.notify(
        "my_chat_member",
        {
            "chat": shapes.private_chat(person),
            "from": shapes.user(person),
            "date": world.clock.unix(),
            "old_chat_member": {"user": bot, **old},
            "new_chat_member": {"user": bot, **new},
        },
    )


def forward(world: World, person: Person, channel_id: int, post_id: int) -> BotMessage:
    """Forward a channel's post to the bot, all of its album if it has one; return the last message.

    Raises WorldError CHANNEL_PRIVATE, MESSAGE_ID_INVALID.
    """
    channel = world.channels.get(channel_id)
    if not world.channels.may_read(channel, person):
        raise WorldError("CHANNEL_PRIVATE", "This channel is private.", 404)
    first = world.channels.post(channel, post_id)
    posts = [first]
    if first.album:
        live = (world.channels.posts[channel.id][each] for each in world.channels.live[channel.id])
        posts = [each for each in live if each.album == first.album]
    album = str(secrets.randbits(53)) if first.album else None
    return [_forwarded(world, person, post, album) for post in posts][-1]


def _forwarded(world: World, person: Person, post: Post, album: str | None) -> BotMessage:
    origin = {"channel_id": post.channel_id, "post_id": post.id, "date": post.date}
    facts: dict[str, Any] = {"content": content("photo")} if post.photo else {}
    return send(world, person, post.text, forward=origin, album=album, **facts)


async def press(world: World, person: Person, message_id: int, data: str) -> CallbackAnswer:
    """Press a callback button and wait for the bot's answer. Raises WorldError DATA_INVALID, BOT_TIMEOUT."""
    item = world.chats.message(person, message_id)
    if not any(button.get("callback_data") == data for button in _buttons(item)):
        raise WorldError("DATA_INVALID", "The message has no such button.")
    query_id = str(secrets.randbits(62))
    answered = _waiting[query_id] = asyncio.get_running_loop().create_future()
    world.bot.notify(
        "callback_query",
        {
            "id": query_id,
            "from": shapes.user(person),
            "message": shapes.message(world, item),
            "chat_instance": str(world.access_hash(person.id, "chat_instance", world.bot.id)),
            "data": data,
        },
    )
    world.commit()
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            answer = await answered
    except TimeoutError:
        raise WorldError("BOT_TIMEOUT", "The bot did not answer.", 504) from None
    finally:
        _waiting.pop(query_id, None)
    return CallbackAnswer(answer.get("text"), bool(answer.get("show_alert")), answer.get("url"))


def answer_press(query_id: str, answer: dict[str, Any]) -> bool:
    """Pass the bot's answer on to the waiting phone; False if it no longer waits."""
    waiting = _waiting.get(query_id)
    if waiting is None or waiting.done():
        return False
    waiting.set_result(answer)
    return True


def _buttons(item: BotMessage) -> list[dict[str, Any]]:
    rows = (item.reply_markup or {}).get("inline_keyboard", [])
    return [button for row in rows for button in row]


def send_web_app_data(world: World, person: Person, data: str, button_text: str) -> BotMessage:
    """Send the data of a Mini App that was opened from a reply keyboard. Raises WorldError DATA_TOO_LONG."""
    if len(data.encode()) > 4096:
        raise WorldError("DATA_TOO_LONG", "The data is longer than 4096 bytes.")
    return send(world, person, "", web_app_data={"data": data, "button_text": button_text})
