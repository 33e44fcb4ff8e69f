"""The world's nouns, flat so that a row is the object's own attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Person:
    """A Telegram account; pts counts its private-chat events."""

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


@dataclass
class Channel:
    """A broadcast channel or a megagroup. base_pts: nothing is known about events before it."""

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
    """One message of a channel; deleted ones stay as gaps."""

    channel_id: int
    id: int
    text: str
    date: int
    edit_date: int | None = None
    views: int = 1
    album: str | None = None
    photo: bool = False
    forward: dict[str, int] | None = None
    author: int | None = None
    deleted: bool = False


@dataclass
class ChannelEvent:
    """A step of a channel's pts. kind: new | edit | delete."""

    channel_id: int
    pts: int
    count: int
    kind: str
    ids: list[int]
    date: int


@dataclass
class AccountEvent:
    """A step of a person's pts in private chats."""

    person_id: int
    pts: int
    kind: str
    message_id: int


@dataclass
class AuthKey:
    """An authorisation key and, once logged in, the session ("device") it stands for."""

    id: str
    key: str
    dc_id: int
    salt: int
    created: int
    active: int = 0
    person_id: int | None = None
    pending_id: int | None = None  # scanned or code given, 2FA password still missing
    session: int = 0
    logged_in_at: int = 0
    error: str | None = None
    device: str = "Unknown"
    system: str = ""
    app: str = ""
    api_id: int = 0


@dataclass
class LoginToken:
    """One QR code. It is shown until it expires or is accepted."""

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
    deleted: bool = False
