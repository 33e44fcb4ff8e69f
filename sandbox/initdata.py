"""Signs a Mini App's launch data exactly as Telegram does, with both signatures.

Source: https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.world.model import Person
from sandbox.world.world import World

VERSION = "9.1"


@dataclass(frozen=True)
class Launch:
    """A signed launch of the Mini App."""

    url: str
    init_data: str
    query_id: str | None


def sign(fields: dict[str, str], bot_token: str, key: Ed25519PrivateKey) -> str:
    """The query string with `signature` (Ed25519) and `hash` (HMAC) added."""
    bot_id = bot_token.partition(":")[0]
    message = f"{bot_id}:WebAppData\n{_check_string(fields)}".encode()
    signature = base64.urlsafe_b64encode(key.sign(message)).decode().rstrip("=")
    signed = {**fields, "signature": signature}
    secret = hmac.digest(b"WebAppData", bot_token.encode(), hashlib.sha256)
    digest = hmac.new(secret, _check_string(signed).encode(), hashlib.sha256).hexdigest()
    return urlencode({**signed, "hash": digest}, quote_via=quote, safe="")


def _check_string(fields: dict[str, str]) -> str:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields))


def init_data(world: World, person: Person, *, start_param: str = "", query_id: str | None = None) -> str:
    """Signed launch data of a person for this installation's bot, with the current time."""
    user = {
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name or "",
        "username": person.username,
        "language_code": person.language,
        "allows_write_to_pm": not world.chats.blocked(person),
    }
    fields = {
        "user": json.dumps(
            {k: v for k, v in user.items() if v is not None}, ensure_ascii=False, separators=(",", ":")
        ),
        "auth_date": str(world.clock.unix()),
    }
    if query_id:
        fields["query_id"] = query_id
    else:
        fields["chat_instance"] = str(world.access_hash(person.id, "chat_instance", world.bot.id))
        fields["chat_type"] = "sender"
    if start_param:
        fields["start_param"] = start_param
    return sign(fields, world.install.facts["bot_token"], world.install.init_data_key)


LIGHT = {
    "bg_color": "#ffffff",
    "secondary_bg_color": "#f0f2f5",
    "text_color": "#000000",
    "hint_color": "#707579",
    "link_color": "#3390ec",
    "button_color": "#3390ec",
    "button_text_color": "#ffffff",
    "header_bg_color": "#ffffff",
    "bottom_bar_bg_color": "#ffffff",
    "accent_text_color": "#3390ec",
    "section_bg_color": "#ffffff",
    "section_header_text_color": "#3390ec",
    "section_separator_color": "#dfe1e5",
    "subtitle_text_color": "#707579",
    "destructive_text_color": "#e53935",
}
DARK = {
    **LIGHT,
    "bg_color": "#212121",
    "secondary_bg_color": "#181818",
    "text_color": "#ffffff",
    "hint_color": "#aaaaaa",
    "link_color": "#8774e1",
    "button_color": "#8774e1",
    "header_bg_color": "#212121",
    "bottom_bar_bg_color": "#212121",
    "accent_text_color": "#8774e1",
    "section_bg_color": "#212121",
    "section_header_text_color": "#8774e1",
    "section_separator_color": "#303030",
    "subtitle_text_color": "#aaaaaa",
    "destructive_text_color": "#ff595a",
}


def launch(world: World, person: Person, url: str, options: dict[str, Any]) -> Launch:
    """The address that a client opens. `options`: source, start_param, platform, theme_params."""
    source, start_param = options.get("source", "inline"), options.get("start_param") or ""
    query_id = world.bot.open_query(person) if source in ("menu", "inline") else None
    data = init_data(world, person, start_param=start_param, query_id=query_id)
    theme = options.get("theme_params") or (DARK if person.theme == "dark" else LIGHT)
    fragment = urlencode(
        {
            "tgWebAppData": data,
            "tgWebAppVersion": VERSION,
            "tgWebAppPlatform": options.get("platform") or "web",
            "tgWebAppThemeParams": json.dumps(theme, separators=(",", ":")),
        },
        quote_via=quote,
        safe="",
    )
    if start_param:
        url += ("&" if "?" in url else "?") + urlencode({"tgWebAppStartParam": start_param})
    return Launch(f"{url}#{fragment}", data, query_id)
