"""A post as a Telegram message: its text with its formatting as entities, never as markup."""

from typing import Any

from aiogram.types import MessageEntity

from bot.messages import LIMIT, units
from tg_assistant.core.posts import formatting
from tg_assistant.core.posts.posts import ShownPost

_QUOTE = 700  # characters of a post shown in the chat
_PARTS = 1_000  # characters of its other parts
# What a bot can send; the rest (mentions, hashtags) Telegram finds in the text by itself
_SENT = {
    *("bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre"),
    *("blockquote", "expandable_blockquote", "text_link"),
}


def message(shown: ShownPost) -> dict[str, Any]:
    """The arguments of `answer`: the channel's title, the post's text as Telegram shows it, its parts."""
    title, post = shown.channel.title[: LIMIT // 8], shown.post
    quote = formatting.cut(post.text, _QUOTE)
    parts = formatting.cut("\n".join(part["text"] for part in post.parts), _PARTS)
    above = f"{title}\n\n"
    bold = MessageEntity(type="bold", offset=0, length=units(title))
    inside = [_entity(each, units(above), units(quote)) for each in post.entities or []]
    text = above + "\n\n".join(each for each in (quote, parts) if each)
    return {"text": text, "entities": [bold, *(each for each in inside if each)], "parse_mode": None}


def _entity(given: formatting.Entity, shift: int, end: int) -> MessageEntity | None:
    """The entity moved by `shift` units, as far as it lies in a text of `end` units."""
    kind, offset, url = given["kind"], given["offset"], given.get("url")
    length = min(given["length"], end - offset)
    if kind not in _SENT or length <= 0 or (kind == "text_link" and not formatting.opens(url or "")):
        return None
    return MessageEntity(
        type=kind,
        offset=offset + shift,
        length=length,
        url=url if kind == "text_link" else None,
        language=given.get("language") if kind == "pre" else None,
    )
