"""What can be read around a message's own text: its medium, the words it replies to, signatures, buttons."""

from collections.abc import Iterator
from typing import Any

from telethon import types

from ingest.content import media
from ingest.content.entities import said_of
from ingest.content.labels import Part, joined, part
from tg_assistant.core.posts.formatting import Entity

# Fields of a message that `convert` does not read, and why. A new field needs a rule or a line.
LEFT_OUT = {
    **dict.fromkeys(
        ("out", "mentioned", "media_unread", "from_scheduled", "silent", "offline", "legacy"),
        "about the account that reads, or how the message was sent",
    ),
    **dict.fromkeys(
        ("post", "peer_id", "from_id", "saved_peer_id", "from_boosts_applied", "from_rank"),
        "where it was posted, and by whom in groups: channels are read alone, under their own name",
    ),
    **dict.fromkeys(
        ("via_bot_id", "via_business_bot_id", "guestchat_via_from", "quick_reply_shortcut_id"),
        "which program sent it",
    ),
    **dict.fromkeys(
        ("noforwards", "invert_media", "effect", "video_processing_pending", "ttl_period"),
        "how clients show or keep it",
    ),
    **dict.fromkeys(
        ("paid_suggested_post_stars", "paid_suggested_post_ton", "paid_message_stars", "suggested_post"),
        "what was paid for sending it",
    ),
    **dict.fromkeys(
        ("schedule_repeat_period", "report_delivery_until_date", "reactions_are_possible"),
        "not of the message as published",
    ),
    "replies": "a count of comments, which are messages of another chat",
    "pinned": "changes without an edit; it says nothing more",
    "restriction_reason": "why some apps hide the message, in words of Telegram's",
    "summary_from_language": "whether Telegram offers a summary of it",
    "action": "of service messages, which are no posts",
}


def parts(message: types.Message) -> list[Part]:
    """Return what can be read of a message besides its text, each part with its origin."""
    return [
        *media.parts(message.media),
        *_reply(message.reply_to),
        *(part("fact_check", said_of(message.factcheck.text)) if message.factcheck else []),
        *part("signature", message.post_author),
        *part("forward_signature", message.fwd_from.post_author if message.fwd_from else None),
        *part("buttons", joined((each.text for each in _buttons(message)), "; ")),
    ]


def links(message: types.Message, entities: list[Entity]) -> list[str]:
    """Return the addresses that a message leads to, of its text, its preview and its buttons."""
    of_text = [each["url"] for each in entities if each["kind"] in ("text_link", "url") and "url" in each]
    page = getattr(message.media, "webpage", None)
    of_buttons = [getattr(each.type, "url", None) for each in _buttons(message)]
    found = (*of_text, getattr(page, "url", None), *of_buttons)
    return list(dict.fromkeys(url for url in found if url))


def reactions(message: types.Message) -> list[dict[str, Any]]:
    """Return how many reactions of each emoji a message has, the most frequent first."""
    results = message.reactions.results if message.reactions else []
    counted = [{"emoji": _emoji(each.reaction), "count": each.count} for each in results]
    return sorted(counted, key=lambda each: -each["count"])


def reply_to(message: types.Message) -> int | None:
    """Return the id of the post of the same channel that a message answers."""
    reply = message.reply_to
    if isinstance(reply, types.MessageReplyHeader) and reply.reply_to_peer_id is None:
        return reply.reply_to_msg_id
    return None


def _emoji(reaction: Any) -> str:
    """Return an emoji, `custom:` with the id of a custom one, or ⭐ for paid ones."""
    if isinstance(reaction, types.ReactionEmoji):
        return reaction.emoticon
    custom = isinstance(reaction, types.ReactionCustomEmoji)
    return f"custom:{reaction.document_id}" if custom else "⭐"


def _reply(reply: Any) -> list[Part]:
    if not isinstance(reply, types.MessageReplyHeader):
        return []
    quoted = types.TextWithEntities(reply.quote_text or "", reply.quote_entities or [])
    return part("reply", said_of(quoted))


def _buttons(message: types.Message) -> Iterator[Any]:
    for row in getattr(message.reply_markup, "rows", None) or []:
        yield from row.buttons
