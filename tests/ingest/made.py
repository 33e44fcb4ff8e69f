"""Objects of Telethon's layer, made from their signatures, with a word of its own in every text field."""

import inspect
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from telethon import types

# The constructor taken where a field's type has several; otherwise the first that is not empty
_CHOSEN: dict[str, str] = {
    "RichText": "TextPlain",
    "PageBlock": "PageBlockParagraph",
    "MessageMedia": "MessageMediaVenue",
    "Document": "Document",
    "Photo": "PhotoEmpty",
    "Chat": "Channel",
    "InlineButtonType": "InlineButtonTypeUrl",
    "StoryItem": "StoryItem",
    "MessageExtendedMedia": "MessageExtendedMedia",
    "WebPage": "WebPage",
}
# Fields that are not filled, and why: nothing in them is of the post
ELSEWHERE = {
    "WebPage.cached_page": "the site's article behind a link; the post shows its preview",
    "WebPage.attributes": "what the preview is of, as pictures and objects of Telegram's own",
    "WebPage.document": "the medium of the site",
    "MessageReplyHeader.reply_media": "the medium of the message replied to",
    "MessageReplyHeader.reply_from": "where the message replied to is from",
    "MessageMediaPhoto.video": "the moving part of a live photo",
    "MessageMediaDocument.alt_documents": "other qualities of the same video",
    "MessageMediaDice.game_outcome": "what the reader has won",
    "Document.thumbs": "pictures",
    "Document.video_thumbs": "pictures",
    "Game.document": "the moving picture of a game",
    "MessageMediaInvoice.photo": "a picture",
    "StoryItem.media_areas": "stickers on the picture of a story",
    "StoryItem.music": "what plays behind a story",
    "StoryItem.sent_reaction": "the reader's own",
    "StoryItem.views": "counts of the story",
    "StoryItem.fwd_from": "where the story is from",
    "Channel.usernames": "further names of the channel",
    "Channel.restriction_reason": "why some apps hide the channel",
}
_ALL = ("DocumentAttribute", "WebPageAttribute")  # of which a list gets one of each constructor
_NAMELESS = (
    types.DocumentAttributeSticker,
    types.DocumentAttributeCustomEmoji,
)  # pictures: no file of them is read
_DEEPEST = 7
Made = dict[str, str]  # the word put into each field, by "Class.field"


def classes(prefix: str) -> list[type]:
    """The layer's constructors whose names begin with `prefix`."""
    found = [getattr(types, name) for name in dir(types) if name.startswith(prefix)]
    return [each for each in found if inspect.isclass(each)]


def constructors(of: str) -> list[type]:
    """The constructors of a type of the layer: "RichText" → TextPlain, TextBold …"""
    union = getattr(types, f"Type{of}", None) or getattr(types.messages, f"Type{of}")
    found = typing.get_args(union) or (union,)
    sent = f"Input{of}"  # never received
    return [each for each in found if inspect.isclass(each) and not each.__name__.startswith(sent)]


def make(made: type, words: Made, depth: int = 0) -> Any:
    """An object with all its fields; adds its words to `words`."""
    parameters = list(inspect.signature(made.__init__).parameters.values())[1:]
    parameters = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    return made(**{each.name: _value(made, each.name, each.annotation, words, depth) for each in parameters})


def _value(made: type, name: str, annotation: Any, words: Made, depth: int) -> Any:
    if f"{made.__name__}.{name}" in ELSEWHERE:
        return [] if annotation is list or typing.get_origin(annotation) is list else None
    optional = type(None) in typing.get_args(annotation)
    inner = next((a for a in typing.get_args(annotation) if a is not type(None)), None)
    if optional:
        flag = inner is bool or depth > _DEEPEST
        return None if flag else _value(made, name, inner, words, depth)
    if annotation is str:
        key = f"{made.__name__}.{name}"
        return words.setdefault(
            key, f"w{len(words):04}x" if name != "url" else f"https://w{len(words):04}x.org/"
        )
    if annotation in (int, float, bool, bytes):
        return annotation(1) if annotation is not bytes else b"1"
    if annotation is datetime:
        return datetime(2026, 11, 30, tzinfo=UTC)
    if typing.get_origin(annotation) is list:
        return list(_items(made, name, inner, words, depth))
    return make(_chosen(_name(annotation)), words, depth + 1)


def _items(made: type, name: str, inner: Any, words: Made, depth: int) -> Iterator[Any]:
    of = _name(inner)
    if of == "MessageEntity":
        return
    if of in _ALL:
        yield from (make(each, words, depth + 1) for each in constructors(of) if each not in _NAMELESS)
    else:
        yield _value(made, name, inner, words, depth)


def _name(annotation: Any) -> str:
    return str(getattr(annotation, "__forward_arg__", annotation)).removeprefix("Type")


def _chosen(of: str) -> type:
    if of in _CHOSEN:
        return getattr(types, _CHOSEN[of])
    found = constructors(of)
    return next((each for each in found if not each.__name__.endswith("Empty")), found[0])
