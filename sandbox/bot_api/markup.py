"""Text formatting (HTML mode) and keyboards, with the Bot API's checks.

Source: https://core.telegram.org/bots/api#formatting-options
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from sandbox.bot_api.params import BotError, Params

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TAGS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "a": "text_link",
}


def utf16_length(text: str) -> int:
    """The length in UTF-16 units, in which Telegram measures offsets."""
    return len(text.encode("utf-16-le")) // 2


class _Formatter(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.entities: list[dict[str, Any]] = []
        self._open: list[tuple[str, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            raise BotError(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        entity: dict[str, Any] = {"type": _TAGS[tag], "offset": utf16_length(self.text)}
        given = dict(attrs)
        if tag == "a":
            entity["url"] = given.get("href") or ""
        elif tag == "blockquote" and "expandable" in given:
            entity["type"] = "expandable_blockquote"
        self._open.append((tag, entity))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            raise BotError(400, f'Bad Request: can\'t parse entities: Unexpected end tag "{tag}"')
        _, entity = self._open.pop()
        entity["length"] = utf16_length(self.text) - entity["offset"]
        if entity["length"]:
            self.entities.append(entity)

    def handle_data(self, data: str) -> None:
        self.text += data

    def finish(self) -> tuple[str, list[dict[str, Any]]]:
        self.close()
        if self._open:
            raise BotError(
                400, f"Bad Request: can't parse entities: Can't find end tag for \"{self._open[-1][0]}\""
            )
        return self.text, sorted(self.entities, key=lambda entity: entity["offset"])


def formatted(params: Params, name: str = "text") -> tuple[str, list[dict[str, Any]]]:
    """The plain text and entities of a text or caption parameter. Raises BotError."""
    text, mode = params.text(name), params.text("parse_mode").lower()
    if not mode:
        own = "entities" if name == "text" else "caption_entities"
        return text, params.json(own, [])
    if mode != "html":
        raise BotError(400, "Bad Request: the sandbox formats HTML only")
    formatter = _Formatter()
    formatter.feed(text)
    return formatter.finish()


def keyboard(params: Params) -> dict[str, Any] | None:
    """The checked reply_markup, or None. Raises BotError."""
    markup = params.json("reply_markup")
    if not markup:
        return None
    for row in markup.get("inline_keyboard", []):
        for button in row:
            _check_button(button, inline=True)
    for row in markup.get("keyboard", []):
        for button in row:
            if isinstance(button, dict):
                _check_button(button, inline=False)
    return json.loads(json.dumps(markup))


def _check_button(button: dict[str, Any], *, inline: bool) -> None:
    if not button.get("text"):
        raise BotError(
            400, 'Bad Request: can\'t parse inline keyboard button: Field "text" must be non-empty'
        )
    if len(button.get("callback_data", "").encode()) > 64:
        raise BotError(400, "Bad Request: BUTTON_DATA_INVALID")
    actions = button.keys() - {"text", "style", "icon_custom_emoji_id"}
    if inline and len(actions) != 1:
        raise BotError(400, "Bad Request: text buttons are unallowed in the inline keyboard")
    if "web_app" in button:
        check_web_app_url(button["web_app"].get("url", ""))


def check_web_app_url(url: str) -> None:
    """Raise BotError unless the URL is https, as Telegram requires, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return
    raise BotError(400, f"Bad Request: button Web App URL '{url}' is invalid: Only HTTPS links are allowed")
