"""Telegram's message entities as the product's: kinds by the Bot API's names, links with their address."""

from collections.abc import Iterable
from typing import Any

from telethon import types
from telethon.utils import get_inner_text

from tg_assistant.core.posts.formatting import STRUCK, Entity, said

# https://core.telegram.org/bots/api#messageentity
KINDS: dict[type, str] = {
    types.MessageEntityBold: "bold",
    types.MessageEntityItalic: "italic",
    types.MessageEntityUnderline: "underline",
    types.MessageEntityStrike: STRUCK,
    types.MessageEntitySpoiler: "spoiler",
    types.MessageEntityCode: "code",
    types.MessageEntityPre: "pre",
    types.MessageEntityBlockquote: "blockquote",
    types.MessageEntityTextUrl: "text_link",
    types.MessageEntityUrl: "url",
    types.MessageEntityEmail: "email",
    types.MessageEntityPhone: "phone_number",
    types.MessageEntityMention: "mention",
    types.MessageEntityMentionName: "text_mention",
    types.MessageEntityHashtag: "hashtag",
    types.MessageEntityCashtag: "cashtag",
    types.MessageEntityBotCommand: "bot_command",
    types.MessageEntityDiffDelete: STRUCK,  # shown struck out, as what was deleted
    types.MessageEntityDiffInsert: "underline",
}
LEFT_OUT: dict[type, str] = {
    types.MessageEntityUnknown: "says nothing about the text",
    types.MessageEntityBankCard: "only makes a number clickable in Telegram",
    types.MessageEntityCustomEmoji: "the text holds the emoji that it stands for",
    types.MessageEntityFormattedDate: "only lets a client show the time in its own zone; the text holds it",
    types.MessageEntityDiffReplace: "the text holds the new words; the old ones are not said any more",
}
_ADDRESS = {"email": "mailto:{}", "mention": "https://t.me/{}"}


def entities_of(text: str, entities: Iterable[Any] | None) -> list[Entity]:
    """Return the entities of a text; those of LEFT_OUT and of unknown classes are omitted."""
    known = [each for each in entities or () if type(each) in KINDS]
    # the text of each entity; Telethon converts from Telegram's UTF-16 offsets
    return [_entity(each, inner) for each, inner in zip(known, get_inner_text(text, known), strict=True)]


def said_of(text: Any) -> str:
    """Return what a string, or a text with entities, says: without what is struck out."""
    if text is None or isinstance(text, str):
        return text or ""
    return said(text.text, entities_of(text.text, text.entities))


def _entity(entity: Any, inner: str) -> Entity:
    kind = KINDS[type(entity)]
    if kind == "blockquote" and entity.collapsed:
        kind = "expandable_blockquote"
    facts = {"url": _url(kind, entity, inner), "language": getattr(entity, "language", None)}
    place = {"kind": kind, "offset": entity.offset, "length": entity.length}
    return {**place, **{name: value for name, value in facts.items() if value}}


def _url(kind: str, entity: Any, inner: str) -> str | None:
    if kind == "text_link":
        return entity.url
    if kind == "url":
        return inner if "://" in inner else f"https://{inner}"
    address = _ADDRESS.get(kind)
    return address.format(inner.removeprefix("@")) if address else None
