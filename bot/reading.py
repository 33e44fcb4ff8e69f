"""What a person wrote, wherever Telegram puts it: in a text, a caption, a rich message, a hidden link."""

from typing import Any

from aiogram import BaseMiddleware
from aiogram.types import Message, MessageEntity, TelegramObject

from bot.actor_middleware import Handler
from bot.messages import units
from tg_assistant.core.channels.references import are_references

# Fields of RichBlock… and RichText… with words in them: https://core.telegram.org/bots/api#richmessage
_INLINE = ("label", "summary", "text", "expression", "alternative_text", "caption", "credit", "button")
_LINES = ("blocks", "items", "buttons")


class Reading(BaseMiddleware):
    """Gives handlers each message's words as `text` with `entities`: a caption is read like a text."""

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        return await handler(as_text(event) if isinstance(event, Message) else event, data)


def as_text(message: Message) -> Message:
    """The message with its caption or rich message as its text; unchanged if it has a text or no words."""
    if message.text:
        return message
    if message.caption:
        update = {"text": message.caption, "entities": message.caption_entities}
        return message.model_copy(update=update)
    if message.rich_message:
        plain = _Plain()
        plain.add(message.rich_message.model_dump(exclude_none=True))
        if text := "".join(plain.parts).rstrip():
            return message.model_copy(update={"text": text, "entities": plain.links})
    return message


class _Plain:
    """The words of a rich message, line by line, and its links."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.links: list[MessageEntity] = []
        self._length = 0

    def add(self, node: Any) -> None:
        """Add a text, a list of them, or an object; Telegram nests at most 16 deep, the parser 255."""
        if isinstance(node, str):
            self.parts.append(node)
            self._length += units(node)
        elif isinstance(node, list):
            for each in node:
                self.add(each)
        elif isinstance(node, dict):
            self._object(node)

    def _object(self, node: dict[str, Any]) -> None:
        begin = self._length
        for name in _INLINE:
            self.add(node.get(name))
            if name == "label" and name in node:
                self.add(" ")
        if "url" in node and self._length > begin:
            length = self._length - begin
            self.links.append(MessageEntity(type="text_link", offset=begin, length=length, url=node["url"]))
        for name in _LINES:
            for line in node.get(name, ()):
                self.add([line, "\n"])
        for row in node.get("cells", ()):
            self.add([*(part for cell in row for part in (cell, " ")), "\n"])


def with_links(message: Message) -> str:
    """The text with hidden links in place of the words that hide them, unless these name a channel, too."""
    raw, at = (message.text or "").encode("utf-16-le", "surrogatepass"), 0
    shown: list[bytes] = []
    for entity in message.entities or ():
        begin, end = entity.offset * 2, (entity.offset + entity.length) * 2
        if entity.type != "text_link" or not at <= begin < end <= len(raw):
            continue
        if not are_references(_decoded(raw[begin:end])):
            shown += [raw[at:begin], f" {entity.url} ".encode("utf-16-le", "surrogatepass")]
            at = end
    return _decoded(b"".join([*shown, raw[at:]]))


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-16-le", "replace")
