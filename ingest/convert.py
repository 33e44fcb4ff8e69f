"""Conversion of Telegram's messages to posts: text, links, kind of media, album, forward."""

from collections.abc import Mapping
from typing import Any

from telethon import types
from telethon.utils import get_inner_text

from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.infra.postgres.pg_text import storable

# Kinds of documents, by the first attribute present: https://core.telegram.org/type/DocumentAttribute
_DOCUMENTS = {
    types.DocumentAttributeSticker: "sticker",
    types.DocumentAttributeAnimated: "animation",
    types.DocumentAttributeVideo: "video",
    types.DocumentAttributeAudio: "audio",
}
_MEDIA = {
    types.MessageMediaPhoto: "photo",
    types.MessageMediaPoll: "poll",
    types.MessageMediaGeo: "location",
    types.MessageMediaGeoLive: "location",
    types.MessageMediaVenue: "location",
    types.MessageMediaContact: "contact",
    types.MessageMediaStory: "story",
    types.MessageMediaInvoice: "invoice",
}


def post(message: types.TypeMessage, titles: Mapping[int, str]) -> IncomingPost | None:
    """The post of a message; None for service and empty messages, which have no content to store.

    `titles` are the names of the chats and users in the same answer, by id.
    """
    if not isinstance(message, types.Message) or message.date is None:
        return None
    forward = message.fwd_from
    return IncomingPost(
        message_id=message.id,
        posted_at=message.date,
        text=message.message or _poll_text(message.media),
        edited_at=message.edit_date,
        links=_links(message),
        media=_media_kind(message.media),
        album_id=message.grouped_id,
        forward_title=_forward_title(forward, titles) if forward else None,
        forward_channel=getattr(forward.from_id, "channel_id", None) if forward else None,
        forward_message=forward.channel_post if forward else None,
        views=message.views,
    )


def plain(message: types.TypeMessage) -> IncomingPost | None:
    """The post with only its text, for a message whose other parts cannot be converted."""
    if not isinstance(message, types.Message) or message.date is None:
        return None
    return IncomingPost(message.id, message.date, message.message or "", edited_at=message.edit_date)


def titles_of(answer: Any) -> dict[int, str]:
    """Names, by id, of the chats and users in an answer."""
    return {each.id: name_of(each) for each in (*answer.users, *answer.chats)}


def name_of(entity: Any) -> str:
    """A chat's title or a person's name, in a form that PostgreSQL can store; empty if there is none."""
    title = getattr(entity, "title", None)
    parts = [title] if title else [getattr(entity, name, None) for name in ("first_name", "last_name")]
    return storable(" ".join(part for part in parts if part))


def public_name(chat: types.Channel) -> str | None:
    """The channel's public @name, or None; collectible names are in a separate list (`usernames`)."""
    active = [each.username for each in chat.usernames or [] if each.active]
    return chat.username or (active[0] if active else None)


def names_of(chat: types.Channel) -> set[str]:
    """All public names of the channel, in lower case: Telegram ignores case in them."""
    active = [each.username for each in chat.usernames or [] if each.active]
    return {name.lower() for name in (chat.username, *active) if name}


def _links(message: types.Message) -> list[str]:
    found: list[str] = []
    entities = message.entities or []
    # the text of each entity; Telethon converts from Telegram's UTF-16 offsets
    for entity, text in zip(entities, get_inner_text(message.message or "", entities), strict=True):
        if isinstance(entity, types.MessageEntityTextUrl):
            found.append(entity.url)
        elif isinstance(entity, types.MessageEntityUrl):
            found.append(text if "://" in text else f"https://{text}")
    page = getattr(message.media, "webpage", None)
    if isinstance(page, types.WebPage):
        found.append(page.url)
    return list(dict.fromkeys(found))


def _media_kind(media: Any) -> str | None:
    if isinstance(media, types.MessageMediaDocument):
        return _document_kind(media)
    return _MEDIA.get(type(media))


def _document_kind(media: types.MessageMediaDocument) -> str:
    if media.voice:
        return "voice"
    if media.round:
        return "video_note"
    attributes = {type(attribute) for attribute in getattr(media.document, "attributes", [])}
    return next((kind for type_, kind in _DOCUMENTS.items() if type_ in attributes), "document")


def _poll_text(media: Any) -> str:
    if not isinstance(media, types.MessageMediaPoll):
        return ""
    lines = [media.poll.question, *(answer.text for answer in media.poll.answers)]
    return "\n".join(line if isinstance(line, str) else line.text for line in lines)


def _forward_title(forward: types.MessageFwdHeader, titles: Mapping[int, str]) -> str | None:
    source = forward.from_id
    for name in ("channel_id", "chat_id", "user_id"):
        if (id_ := getattr(source, name, None)) is not None:
            return titles.get(id_) or None
    return forward.from_name or None
