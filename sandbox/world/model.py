"""The world's objects, flat, so that a stored row is the object's attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Person:
    """A Telegram account; `pts` counts its events in private chats."""

    id: int
    key: str
    first_name: str
    last_name: str | None
    username: str | None
    phone: str
    language: str = "ru"
    theme: str = "light"
    dc_id: int = 2
    pts: int = 1
    password: dict[str, str] | None = None
    login_code: dict[str, Any] | None = None
    folders: list[dict[str, Any]] = field(default_factory=list)  # {"id","title","channels":[id]}
    frozen: bool = False  # https://core.telegram.org/api/auth#frozen-accounts


@dataclass
class Channel:
    """A broadcast channel or a megagroup; events up to `base_pts` are not stored."""

    id: int
    key: str
    title: str
    username: str | None
    about: str
    owner: int | None
    created: int
    private: bool = False
    megagroup: bool = False
    ticker: bool = False
    members: list[int] = field(default_factory=list)
    invite: str = ""
    pts: int = 1
    base_pts: int = 1
    top_id: int = 0


@dataclass
class Post:
    """A message of a channel; a deleted one is kept, marked as such.

    `entities` as in the Bot API. `fields` are further fields of the TL message, or `action` of a service
    message, as JSON (tg_api/tl_json.py).
    """

    channel_id: int
    id: int
    text: str
    date: int
    edit_date: int | None = None
    edit_hidden: bool = False  # not shown as edited: only its reactions have changed since it was posted
    reactions: dict[str, int] = field(default_factory=dict)  # count by emoji
    views: int = 1
    album: str | None = None
    photo: bool = False
    forward: dict[str, int] | None = None
    author: int | None = None
    deleted: bool = False
    entities: list[dict[str, Any]] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class ChannelEvent:
    """A step of a channel's pts. `kind`: new | edit | delete."""

    channel_id: int
    pts: int
    count: int
    kind: str
    ids: list[int]
    date: int


@dataclass
class AccountEvent:
    """A step of a person's pts in private chats. `kind`: new | edit | delete."""

    person_id: int
    pts: int
    kind: str
    message_id: int


@dataclass
class AuthKey:
    """An authorisation key and, once logged in, its session ("device")."""

    id: str
    key: str
    dc_id: int
    salt: int
    created: int
    active: int = 0
    person_id: int | None = None
    pending_id: int | None = None  # after the scan or the phone code, until the 2FA password
    session: int = 0
    logged_in_at: int = 0
    error: str | None = None
    device: str = "Unknown"
    system: str = ""
    app: str = ""
    api_id: int = 0


@dataclass
class LoginToken:
    """A QR code, valid until it expires or is accepted."""

    token: str
    key_id: str
    expires: int
    accepted_by: int | None = None
    used: bool = False


@dataclass
class BotMessage:
    """A message in a person's chat with the bot, in Bot API terms."""

    id: int
    person_id: int
    out: bool
    text: str
    date: int
    entities: list[dict[str, Any]] = field(default_factory=list)
    edit_date: int | None = None
    reply_markup: dict[str, Any] | None = None
    photo: dict[str, Any] | None = None
    document: dict[str, Any] | None = None
    reply_to: int | None = None
    forward: dict[str, Any] | None = None
    web_app_data: dict[str, str] | None = None
    content: dict[str, Any] | None = None  # fields of a kind that has no attribute of its own
    album: str | None = None  # the media_group_id
    deleted: bool = False
