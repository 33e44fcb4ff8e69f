"""Parsing of what people type or paste to name a channel: @name, t.me links, ids."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, urlsplit

from tg_assistant.errors import Invalid

MAX_LENGTH = 255
# Format: https://core.telegram.org/method/account.checkUsername; Fragment also sells names of four letters.
_NUMBER = re.compile(r"-?\d{1,20}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_HOSTS = {"t.me", "telegram.me", "telegram.dog"}
# First path segments that do not name a chat: https://core.telegram.org/api/links
_RESERVED = {
    "addemoji", "addlist", "addstickers", "addtheme", "bg", "boost", "call", "confirmphone", "contact",
    "giftcode", "invoice", "iv", "login", "m", "nft", "proxy", "setlanguage", "share", "socks", "stickers",
}  # fmt: skip


@dataclass(frozen=True)
class Reference:
    """A channel by public name or by Telegram id (without −100); `message_id` if a post was linked."""

    username: str | None = None
    telegram_id: int | None = None
    message_id: int | None = None


def parse_reference(text: str) -> Reference:
    """Parse a reference to a channel or to one of its posts.

    Raises Invalid: channels.empty_reference, .reference_too_long, .invite_link, .bad_reference.
    """
    text = text.strip()
    if not text:
        raise Invalid("channels.empty_reference")
    if len(text) > MAX_LENGTH:
        raise Invalid("channels.reference_too_long", max=MAX_LENGTH)
    if text.startswith("@"):
        return _named(text[1:])
    if _NUMBER.fullmatch(text):
        return _numbered(text)
    if text.startswith("tg://"):
        return _deep_link(text)
    return _link(text) if "." in text or "/" in text else _named(text)


def _named(name: str, message: str = "") -> Reference:
    if not _NAME.fullmatch(name) or name.lower() in _RESERVED:
        raise Invalid("channels.bad_reference")
    return Reference(username=name, message_id=_message(message))


def _numbered(digits: str, message: str = "") -> Reference:
    """Parse a numeric id: the Bot API prefixes a channel's id with −100, MTProto and links do not."""
    bare = digits.removeprefix("-100") if digits.startswith("-") else digits
    if not bare.isascii() or not bare.isdecimal() or not 0 < int(bare) < 2**52:
        raise Invalid("channels.bad_reference")
    return Reference(telegram_id=int(bare), message_id=_message(message))


def _message(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdecimal() and 0 < int(digits) < 2**31 else None


def _link(text: str) -> Reference:
    parts = _split(text if "://" in text else f"https://{text}")
    host = (parts.hostname or "").removeprefix("www.")
    path = [part for part in parts.path.split("/") if part]
    if host.endswith(".t.me"):  # name.t.me/123 is the same as t.me/name/123
        host, path = "t.me", [host.removesuffix(".t.me"), *path]
    if parts.scheme not in ("http", "https") or host not in _HOSTS or not path:
        raise Invalid("channels.bad_reference")
    return _path(path)


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # "https://[t.me": an IPv6 address that does not end
        raise Invalid("channels.bad_reference") from None


def _path(path: list[str]) -> Reference:
    first, second, third = [*path, "", ""][:3]
    if first.startswith("+") or first == "joinchat":
        raise Invalid("channels.invite_link")
    if first == "c":
        return _numbered(second, third)
    if first == "s":  # the web preview of a public channel
        return _named(second, third)
    return _named(first, second)


def _deep_link(text: str) -> Reference:
    parts = _split(text)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    if parts.netloc == "join":
        raise Invalid("channels.invite_link")
    if parts.netloc == "privatepost":
        return _numbered(query.get("channel", ""), query.get("post", ""))
    return _named(query.get("domain", ""), query.get("post", ""))
