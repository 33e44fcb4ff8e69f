"""Bot API methods that send, edit and delete messages."""

from __future__ import annotations

from typing import Any

from sandbox.bot_api import inbox, shapes
from sandbox.bot_api.markup import formatted, keyboard
from sandbox.bot_api.params import BotError, Params
from sandbox.bot_api.registry import bot_method, chat_of
from sandbox.world.model import BotMessage
from sandbox.world.world import World

LONGEST_CAPTION = 1024


def _reply_to(world: World, params: Params) -> int | None:
    wanted = params.json("reply_parameters", {}).get("message_id") or params.integer("reply_to_message_id")
    return wanted or None


def _entities(text: str, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bot's own formatting plus the links that Telegram detects itself."""
    taken = {entity["offset"] for entity in given}
    return given + [each for each in shapes.text_entities(text) if each["offset"] not in taken]


@bot_method("sendMessage")
def send_message(world: World, params: Params) -> dict[str, Any]:
    person = chat_of(world, params)
    text, entities = formatted(params)
    if not text.strip():
        raise BotError(400, "Bad Request: message text is empty")
    item = world.chats.add(
        person,
        text,
        out=False,
        entities=_entities(text, entities),
        reply_markup=keyboard(params),
        reply_to=_reply_to(world, params),
    )
    return shapes.message(world, item)


@bot_method("sendMessageDraft")
def send_message_draft(world: World, params: Params) -> bool:
    """Show a partial answer while it is being written; the actual message replaces it."""
    person = chat_of(world, params)
    draft_id = params.integer("draft_id")
    if not draft_id:
        raise BotError(400, "Bad Request: draft_id must be non-zero")
    text, _ = formatted(params)
    if len(text) > 4096:
        raise BotError(400, "Bad Request: message is too long")
    world.chats.set_draft(person, draft_id, text)
    return True


def _editable(world: World, params: Params) -> tuple[Any, BotMessage]:
    person = chat_of(world, params)
    item = world.chats.message(person, params.integer("message_id", 0) or 0)
    if item.out:
        raise BotError(400, "Bad Request: message can't be edited")
    return person, item


@bot_method("editMessageText")
def edit_message_text(world: World, params: Params) -> dict[str, Any]:
    person, item = _editable(world, params)
    text, entities = formatted(params)
    if not text.strip():
        raise BotError(400, "Bad Request: message text is empty")
    if len(text) > 4096:
        raise BotError(400, "Bad Request: MESSAGE_TOO_LONG")
    changes = {"text": text, "entities": _entities(text, entities), "reply_markup": keyboard(params)}
    world.chats.edit(person, item, **changes)
    return shapes.message(world, item)


@bot_method("editMessageReplyMarkup")
def edit_message_reply_markup(world: World, params: Params) -> dict[str, Any]:
    person, item = _editable(world, params)
    world.chats.edit(person, item, reply_markup=keyboard(params))
    return shapes.message(world, item)


@bot_method("deleteMessage")
def delete_message(world: World, params: Params) -> bool:
    person = chat_of(world, params, sending=False)
    world.chats.delete(person, world.chats.message(person, params.integer("message_id", 0) or 0))
    return True


@bot_method("deleteMessages")
def delete_messages(world: World, params: Params) -> bool:
    person = chat_of(world, params, sending=False)
    wanted = set(params.json("message_ids", []))
    for item in [each for each in world.chats.messages(person) if each.id in wanted]:
        world.chats.delete(person, item)
    return True


@bot_method("sendPhoto")
def send_photo(world: World, params: Params) -> dict[str, Any]:
    return _send_file(world, params, "photo")


@bot_method("sendDocument")
def send_document(world: World, params: Params) -> dict[str, Any]:
    return _send_file(world, params, "document")


def _send_file(world: World, params: Params, kind: str) -> dict[str, Any]:
    person = chat_of(world, params)
    caption, entities = formatted(params, "caption")
    if len(caption) > LONGEST_CAPTION:
        raise BotError(400, "Bad Request: message caption is too long")
    facts: dict[str, Any] = {kind: _file(world, params, kind)}
    item = world.chats.add(
        person,
        caption,
        out=False,
        entities=_entities(caption, entities),
        reply_markup=keyboard(params),
        reply_to=_reply_to(world, params),
        **facts,
    )
    return shapes.message(world, item)


def _file(world: World, params: Params, kind: str) -> dict[str, Any]:
    upload = params.upload(kind)
    if upload:
        return world.bot.keep_file(upload.content, name=upload.name, mime_type=upload.mime_type)
    named = params.text(kind)
    if named.startswith(("http://", "https://")):
        raise BotError(400, "Bad Request: failed to get HTTP URL content")  # nothing outside is reachable
    facts, _ = world.bot.file(named)
    return facts


@bot_method("sendChatAction")
def send_chat_action(world: World, params: Params) -> bool:
    person = chat_of(world, params)
    world.hub.emit("chat_action", person=person, action=params.text("action"))
    return True


@bot_method("answerCallbackQuery")
def answer_callback_query(world: World, params: Params) -> bool:
    answer = {
        "text": params.text("text") or None,
        "show_alert": params.flag("show_alert"),
        "url": params.text("url") or None,
    }
    if not inbox.answer_press(params.text("callback_query_id"), answer):
        raise BotError(
            400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
        )
    return True


@bot_method("answerWebAppQuery")
def answer_web_app_query(world: World, params: Params) -> dict[str, Any]:
    """Add the Mini App's result to the chat as if the person had sent it."""
    person_id = world.bot.queries.pop(params.text("web_app_query_id"), None)
    if person_id is None:
        raise BotError(400, "Bad Request: query is too old or query ID is invalid")
    content = params.json("result", {}).get("input_message_content", {})
    text = content.get("message_text", "")
    if not text:
        raise BotError(400, "Bad Request: message text is empty")
    item = world.chats.add(world.people.by_id[person_id], text, out=True)
    return {"inline_message_id": f"sandbox{item.id}"}
