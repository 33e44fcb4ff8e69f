"""Parsing of what people type or paste to name channels: @names, every form of Telegram link, ids."""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from tg_assistant.core.channels.link_kinds import is_reserved, refuse_kind
from tg_assistant.errors import Invalid

MAX_LENGTH = 255  # characters of one reference
MAX_TEXT = 4096  # … and of a message with several: https://core.telegram.org/bots/api#message
MAX_AT_ONCE = 10
# Format: https://core.telegram.org/method/account.checkUsername; Fragment also sells names of four letters.
_NUMBER = re.compile(r"[-−–]?[0-9]{1,20}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_HOSTS = {"t.me", "telegram.me", "telegram.dog"}
_WEB_CLIENTS = {"web.telegram.org", "webk.telegram.org", "weba.telegram.org", "webz.telegram.org"}
_FULL_WIDTH = {0xFF01 + n: 0x21 + n for n in range(94)}  # U+FF01–FF5E are ASCII for East Asian keyboards
_APART = re.compile(r"""[\s,;|"'`´“”„‟«»‹›<>]+|\]\(""")  # never part of a link to a channel; "](": Markdown
_AROUND = re.compile(r"^[^\w@]+|(?<=[\w/])[^\w/]+$")
_SCHEME = re.compile(r"^(https?|tg):/*", re.I)
_AFTER_HOST, _AFTER_NUMBER, _AFTER_NAME = re.compile(r"[/?#:]"), re.compile(r"[/?_&]"), re.compile(r"[/?&]")
_BEFORE_LINK = re.compile(r"[^/]+?(?=https?://)", re.I)
_BOTS_ONLY = {
    "start",
    "startgroup",
    "startchannel",
    "startapp",
    "game",
}  # https://core.telegram.org/api/links


@dataclass(frozen=True)
class Reference:
    """A channel by public name or by Telegram id (without −100); `message_id` if a post was linked."""

    username: str | None = None
    telegram_id: int | None = None
    message_id: int | None = None

    def __str__(self) -> str:
        """Write it so that `parse_reference` reads the same channel."""
        return f"@{self.username}" if self.username else str(self.telegram_id)


def parse_reference(text: str) -> Reference:
    """Parse a reference to one channel or to one of its posts, alone or among other words.

    Raises Invalid: what `split_references` raises, channels.several_references, and what the reference is
    when it is no channel's.
    """
    found = [_parsed(piece) for piece in split_references(text)]
    if len(found) > 1:
        raise Invalid("channels.several_references")
    return found[0]


def split_references(text: str) -> list[str]:
    """Split a text into the references in it, right or wrong, each channel once; at most 10.

    Takes time linear in the text's length. Raises Invalid: channels.empty_reference, .reference_too_long,
    .too_many_references, .bad_reference.
    """
    if len(text) > MAX_TEXT:
        raise _too_long()
    plain = _visible(text)
    if not plain:
        raise Invalid("channels.empty_reference")
    pieces = _pieces(plain)
    links = [piece for piece in pieces if _is_link(piece)]
    if not links and len(plain) > MAX_LENGTH:
        raise _too_long()
    if not links and len(pieces) != 1:
        raise Invalid("channels.bad_reference")
    found: dict[str, str] = {}
    for piece in links or pieces:
        found.setdefault(_key(piece), piece)
    if len(found) > MAX_AT_ONCE:
        raise Invalid("channels.too_many_references", max=MAX_AT_ONCE)
    return list(found.values())


def _key(piece: str) -> str:
    try:
        return str(_parsed(piece)).lower()
    except Invalid:
        return f"wrong {piece}"


def are_references(text: str) -> bool:
    """Tell whether a text is nothing but @names and Telegram links, right or wrong; ids are not enough."""
    pieces = _pieces(_visible(text[:MAX_TEXT])) if len(text) <= MAX_TEXT else []
    return bool(pieces) and all(map(_is_link, pieces))


def _too_long() -> Invalid:
    return Invalid("channels.reference_too_long", max=MAX_LENGTH)


def _visible(text: str) -> str:
    """Remove what cannot be seen (zero-width, direction marks, soft hyphens), make full-width ASCII plain."""
    seen = (each for each in text.translate(_FULL_WIDTH) if unicodedata.category(each) != "Cf")
    return "".join(seen).replace("\ufe0f", "").strip()


def _pieces(text: str) -> list[str]:
    """Split at what is never part of a reference; take off brackets, Markdown and punctuation around each."""
    stripped = (_stripped(piece) for piece in _APART.split(text))
    return [piece for piece in stripped if piece]


def _stripped(piece: str) -> str:
    """Take off brackets, dashes, emoji and punctuation; write the scheme as it should be."""
    if _NUMBER.fullmatch(piece):
        return piece
    piece = _AROUND.sub("", piece)
    if piece.startswith("_"):  # Markdown's __italic__: no name begins with one
        piece = piece.strip("_")
    before = _BEFORE_LINK.match(piece)
    piece = piece[before.end() :] if before else piece  # "News:https://t.me/news"
    return _SCHEME.sub(lambda found: f"{found[1].lower()}://", piece)


def _is_link(piece: str) -> bool:
    if piece.startswith(("@", "tg://")):
        return True
    host = _AFTER_HOST.split(piece.partition("://")[2] or piece, maxsplit=1)[0].lower()
    return host.removeprefix("www.") in _HOSTS | _WEB_CLIENTS or host.endswith(".t.me")


def _parsed(piece: str) -> Reference:
    if len(piece) > MAX_LENGTH:
        raise _too_long()
    if piece.startswith("@"):
        name, _, message = piece[1:].partition("/")
        return _named(name, message)
    if _NUMBER.fullmatch(piece):
        return _bot_api_id(piece)
    if piece.startswith("tg://"):
        return _deep_link(piece)
    return _link(piece) if "." in piece or "/" in piece else _named(piece)


def _named(name: str, message: str = "") -> Reference:
    name = name.removeprefix("@")
    if not _NAME.fullmatch(name) or is_reserved(name):
        raise Invalid("channels.bad_reference")
    return Reference(username=name, message_id=_message(message))


def _bot_api_id(digits: str) -> Reference:
    """Parse an id: the Bot API prefixes a channel's with −100, MTProto and links do not, −1… is a group's."""
    bare = digits.lstrip("-−–")
    if bare == digits:
        return _numbered(digits)
    if not bare.startswith("100"):
        raise Invalid("channels.private_group")
    return _numbered(bare.removeprefix("100"))


def _numbered(digits: str, message: str = "") -> Reference:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 20 and 0 < int(digits) < 2**52):
        raise Invalid("channels.bad_reference")
    return Reference(telegram_id=int(digits), message_id=_message(message))


def _message(digits: str) -> int | None:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10):
        return None
    return int(digits) if 0 < int(digits) < 2**31 else None


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError:  # "https://[t.me": an IPv6 address that does not end
        raise Invalid("channels.bad_reference") from None


def _query(parts: SplitResult) -> dict[str, str]:
    given = parse_qs(parts.query, keep_blank_values=True)
    return {key.lower(): values[0] for key, values in given.items()}


def _link(text: str) -> Reference:
    parts = _split(text if "://" in text else f"https://{text}")
    host = (parts.hostname or "").removeprefix("www.")
    if parts.scheme not in ("http", "https"):
        raise Invalid("channels.bad_reference")
    if host in _WEB_CLIENTS:
        return _web_client(parts)
    path = [part for each in parts.path.split("/") if (part := unquote(each))]
    if host.endswith(".t.me"):  # name.t.me/123 is the same as t.me/name/123
        host, path = "t.me", [host.removesuffix(".t.me"), *path]
    if host not in _HOSTS or not path:
        raise Invalid("channels.bad_reference")
    return _path(path, _query(parts))


def _path(path: list[str], query: dict[str, str]) -> Reference:
    """Read the path of t.me/…: https://core.telegram.org/api/links."""
    first, second, third = [*path, "", ""][:3]
    kind = first.lower()
    if kind == "c":
        if len(path) > 3 or "thread" in query:
            raise Invalid("channels.private_group")  # only groups have topics
        return _numbered(second, third)
    if kind == "boost":
        return _numbered(query["c"]) if "c" in query else _named(second)
    if kind == "s":  # the web preview of a public channel
        return _named(second, third)
    if first.startswith("+"):  # numbers are digits alone, hashes of invitations are base64url
        raise Invalid("channels.is_phone" if first[1:].isdecimal() else "channels.invite_link")
    refuse_kind(first)
    if query.keys() & _BOTS_ONLY:
        raise Invalid("channels.bot", name=_named(first).username)
    return _named(first, third if second.isdecimal() and third.isdecimal() else second)


def _web_client(parts: SplitResult) -> Reference:
    """Read the address bar of Telegram Web: #@name, #-1001234567890 (A), #-1234567890 (K), #?tgaddr=tg://…"""
    fragment = unquote(parts.fragment)
    address = fragment.partition("tgaddr=")[2]
    if address.startswith("tg://"):
        return _deep_link(address)
    chat = _AFTER_NUMBER.split(fragment, maxsplit=1)[0] if fragment[:1] == "-" else fragment
    if chat.startswith("@"):
        return _named(_AFTER_NAME.split(chat[1:], maxsplit=1)[0])
    if not chat.startswith("-"):
        raise Invalid("channels.is_person" if chat.isdecimal() else "channels.bad_reference")
    bare = chat.lstrip("-")
    return _numbered(bare.removeprefix("100") if len(bare) > 12 else bare)


def _deep_link(text: str) -> Reference:
    """Read tg://action?…: https://core.telegram.org/api/links#tg-links."""
    parts = _split(text)
    query, action = _query(parts), parts.netloc.lower()
    if action == "privatepost":
        if "thread" in query:
            raise Invalid("channels.private_group")
        return _numbered(query.get("channel", ""), query.get("post", ""))
    if action == "boost" and "channel" in query:
        return _numbered(query["channel"])
    if action not in ("resolve", "boost"):
        refuse_kind(action, action=True)
        raise Invalid("channels.bad_reference")
    if "phone" in query:
        raise Invalid("channels.is_phone")
    name = query.get("domain", "")
    if query.keys() & _BOTS_ONLY:
        raise Invalid("channels.bot", name=_named(name).username)
    return _named(name, query.get("post", ""))
