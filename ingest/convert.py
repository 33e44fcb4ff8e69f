"""Conversion of Telegram's messages to posts; `content` reads their formatting and parts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from telethon import types

from ingest.content import media, message_parts
from ingest.content.entities import entities_of
from ingest.content.page_blocks import rich_message
from tg_assistant.core.posts.formatting import Entity
from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.infra.postgres.pg_text import storable


def post(message: types.TypeMessage, titles: Mapping[int, str]) -> IncomingPost | None:
    """The post of a message; None for service and empty messages, which have no content to store.

    `titles` are the names of the chats and users in the same answer, by id.
    """
    if not isinstance(message, types.Message) or message.date is None:
        return None
    forward = message.fwd_from
    text, entities = _text(message)
    return IncomingPost(
        message_id=message.id,
        posted_at=message.date,
        text=text,
        entities=entities,
        parts=message_parts.parts(message),
        edited_at=_edited_at(message),
        links=message_parts.links(message, entities),
        media=media.kind(message.media),
        album_id=message.grouped_id,
        forward_title=_forward_title(forward, titles) if forward else None,
        forward_channel=getattr(forward.from_id, "channel_id", None) if forward else None,
        forward_message=forward.channel_post if forward else None,
        reply_to=message_parts.reply_to(message),
        views=message.views,
        forwards=message.forwards,
        reactions=message_parts.reactions(message),
    )


def plain(message: types.TypeMessage) -> IncomingPost | None:
    """The post with only its text and formatting, for a message whose other parts cannot be converted."""
    if not isinstance(message, types.Message) or message.date is None:
        return None
    text = message.message or ""
    entities = entities_of(text, message.entities)
    return IncomingPost(message.id, message.date, text, entities, edited_at=_edited_at(message))


def _edited_at(message: types.Message) -> datetime | None:
    """When it was edited; Telegram also dates a reaction, and hides that from readers (`edit_hide`)."""
    return None if message.edit_hide else message.edit_date


def titles_of(answer: Any) -> dict[int, str]:
    """Names, by id, of the chats and users in an answer."""
    return {each.id: name_of(each) for each in (*answer.users, *answer.chats)}


def name_of(entity: Any) -> str:
    """A chat's title or a person's name, in a form that PostgreSQL can store; empty if there is none."""
    title = getattr(entity, "title", None)
    parts = [title] if title else [getattr(entity, name, None) for name in ("first_name", "last_name")]
    return storable(" ".join(part for part in parts if part))


def new_title(message: types.TypeMessage) -> str | None:
    """The title that a service message gives to its channel; None for every other message."""
    action = getattr(message, "action", None)
    return storable(action.title) if isinstance(action, types.MessageActionChatEditTitle) else None


def public_name(chat: types.Channel) -> str | None:
    """The channel's public @name, or None; collectible names are in a separate list (`usernames`)."""
    active = [each.username for each in chat.usernames or [] if each.active]
    return chat.username or (active[0] if active else None)


def names_of(chat: types.Channel) -> set[str]:
    """All public names of the channel, in lower case: Telegram ignores case in them."""
    active = [each.username for each in chat.usernames or [] if each.active]
    return {name.lower() for name in (chat.username, *active) if name}


def _text(message: types.Message) -> tuple[str, list[Entity]]:
    """The text with its entities; a rich message's blocks, if the message has them, are its text."""
    text = message.message or ""
    if message.rich_message is None:
        return text, entities_of(text, message.entities)
    rich, entities = rich_message(message.rich_message)
    return (rich, entities) if rich else (text, entities_of(text, message.entities))


def _forward_title(forward: types.MessageFwdHeader, titles: Mapping[int, str]) -> str | None:
    """The name of whom a forward is from; of an author who hides their account only the name is told."""
    source = forward.from_id
    ids = [getattr(source, name, None) for name in ("channel_id", "chat_id", "user_id")]
    known = next((titles.get(id_) for id_ in ids if id_ is not None), None)
    return known or forward.from_name or None
