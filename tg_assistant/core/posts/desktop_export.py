"""What Telegram Desktop exports as `result.json`: one chat, or the whole account, read as a stream.

Source: https://telegram.org/blog/export-and-more, and the files it writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tg_assistant.core.posts.ingestion import IncomingPost
from tg_assistant.infra.json_stream import BrokenJson, JsonStream

MAX_TEXT = 65_536  # characters; PostgreSQL indexes no text of more than a megabyte
_LAST_ID = 2**31 - 1
_MEDIA = {
    "sticker": "sticker",
    "voice_message": "voice",
    "video_message": "video_note",
    "video_file": "video",
    "animation": "animation",
    "audio_file": "audio",
}
_BY_FIELD = {
    "photo": "photo",
    "poll": "poll",
    "location_information": "location",
    "contact_information": "contact",
    "invoice_information": "invoice",
    "file": "document",
}
_HIDDEN, _SHOWN = "text_link", "link"  # types of text: a link behind words, and one that is written out


@dataclass(frozen=True)
class Chat:
    """A chat of the file; `id` is without −100. Its messages follow, until the next chat."""

    id: int
    name: str
    kind: str


def read(stream: JsonStream) -> Iterator[Chat | IncomingPost]:
    """Yield each chat of the file and after it its messages; service messages have none.

    Works in memory that does not grow with the file. Raises BrokenJson for what is no such file, also after
    some messages: a file may be cut off.
    """
    if stream.peek() != "{":
        raise BrokenJson("an export begins with {")
    facts: dict[str, Any] = {}
    found = False
    for key in stream.entries():
        if key in ("chats", "left_chats") and stream.peek() == "{":
            found = True
            yield from _account(stream)
        elif key == "messages" and stream.peek() == "[":
            found = True
            yield from _messages(stream, facts)
        else:
            _fact(stream, key, facts)
    if not found:
        raise BrokenJson("it has neither chats nor messages")


def _account(stream: JsonStream) -> Iterator[Chat | IncomingPost]:
    for key in stream.entries():
        if key != "list" or stream.peek() != "[":
            stream.skip()
            continue
        for _ in stream.items():
            yield from _chat(stream)


def _chat(stream: JsonStream) -> Iterator[Chat | IncomingPost]:
    if stream.peek() != "{":
        stream.skip()
        return
    facts: dict[str, Any] = {}
    for key in stream.entries():
        if key == "messages" and stream.peek() == "[":
            yield from _messages(stream, facts)
        else:
            _fact(stream, key, facts)


def _fact(stream: JsonStream, key: str, facts: dict[str, Any]) -> None:
    if key in ("id", "name", "type") and stream.peek() not in "{[":
        facts[key] = stream.value()
    else:
        stream.skip()


def _messages(stream: JsonStream, facts: dict[str, Any]) -> Iterator[Chat | IncomingPost]:
    """Yield the chat and its messages; its name, kind and id stand before them in the file."""
    number = facts.get("id")
    if not isinstance(number, int) or "channel" not in str(facts.get("type")):
        for _ in stream.items():
            stream.skip()
        return
    yield Chat(_bare(number), str(facts.get("name") or ""), str(facts.get("type")))
    for _ in stream.items():
        if (post := as_post(stream.value())) is not None:
            yield post


def _bare(number: int) -> int:
    """Return the id without −100, which some versions write."""
    digits = str(number)
    return int(digits.removeprefix("-100")) if digits.startswith("-100") and len(digits) > 5 else abs(number)


def as_post(message: Any) -> IncomingPost | None:
    """Convert a message of the file; None for service messages and what is no message."""
    if not isinstance(message, dict) or message.get("type") != "message":
        return None
    number, posted_at = message.get("id"), _moment(message, "date")
    if type(number) is not int or not 0 < number <= _LAST_ID or posted_at is None:
        return None
    text, links = _text(message.get("text"))
    return IncomingPost(
        message_id=number,
        posted_at=posted_at,
        text=(text or _poll(message.get("poll")))[:MAX_TEXT],
        edited_at=_moment(message, "edited"),
        links=links,
        media=_media(message),
        forward_title=_words(message.get("forwarded_from")) or None,
    )


def _moment(message: dict[str, Any], name: str) -> datetime | None:
    """Return a time. Old versions write only local time without its zone, which is taken for UTC."""
    try:
        if (unix := message.get(f"{name}_unixtime")) is not None:
            found = datetime.fromtimestamp(int(unix), UTC)
        else:
            found = datetime.fromisoformat(str(message.get(name)))
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if 2000 <= found.year < 2200 else None


def _text(parts: Any) -> tuple[str, list[str]]:
    """Return plain text and links of a `text`: a string, or a list of strings and of objects."""
    words, links = "", dict[str, None]()
    for part in parts if isinstance(parts, list) else [parts]:
        piece = part.get("text") if isinstance(part, dict) else part
        words += _words(piece)
        kind = part.get("type") if isinstance(part, dict) else None
        link = _words(part.get("href")) if kind == _HIDDEN else _words(piece) if kind == _SHOWN else ""
        if link:
            links[link if "://" in link else f"https://{link}"] = None
    return words, list(links)


def _words(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _poll(poll: Any) -> str:
    if not isinstance(poll, dict):
        return ""
    answers = poll["answers"] if isinstance(poll.get("answers"), list) else []
    options = [_text(each.get("text"))[0] for each in answers if isinstance(each, dict)]
    return "\n".join([_text(poll.get("question"))[0], *options]).strip()


def _media(message: dict[str, Any]) -> str | None:
    if kind := _MEDIA.get(_words(message.get("media_type"))):
        return kind
    return next((kind for field, kind in _BY_FIELD.items() if field in message), None)
