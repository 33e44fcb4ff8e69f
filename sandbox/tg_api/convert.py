"""World objects as Telegram's TL objects for a given viewer."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

from telethon.tl.tlobject import TLObject

from sandbox.tg_api.tl_json import from_json
from sandbox.tl import types
from sandbox.world.model import BotMessage, Channel, Person, Post
from sandbox.world.world import World

URL = re.compile(r"https?://[^\s<>\"»)\]]+")


class Packed(TLObject):
    """A TL object that has already been serialised."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def _bytes(self) -> bytes:
        return self._data


def moment(unix: float) -> datetime:
    return datetime.fromtimestamp(int(unix), UTC)


def user(world: World, person: Person, viewer: Person) -> TLObject:
    own = person.id == viewer.id
    return types.User(
        id=person.id,
        is_self=own,
        access_hash=world.access_hash(viewer.id, "user", person.id),
        first_name=person.first_name,
        last_name=person.last_name,
        username=person.username,
        phone=person.phone.lstrip("+") if own else None,
        lang_code=None,
    )


def bot_user(world: World, viewer: Person) -> TLObject:
    facts = world.install.facts
    return types.User(
        id=facts["bot_id"],
        bot=True,
        access_hash=world.access_hash(viewer.id, "user", facts["bot_id"]),
        first_name=facts["bot_name"],
        username=facts["bot_username"],
        bot_info_version=1,
    )


def chat(world: World, channel: Channel, viewer: Person) -> TLObject:
    """A channel or megagroup; ChannelForbidden if the viewer may not read it."""
    access_hash = world.access_hash(viewer.id, "channel", channel.id)
    if not world.channels.may_read(channel, viewer):
        return types.ChannelForbidden(
            channel.id,
            access_hash,
            channel.title,
            broadcast=not channel.megagroup,
            megagroup=channel.megagroup,
        )
    rights = types.ChatAdminRights(post_messages=True, edit_messages=True, delete_messages=True)
    return types.Channel(
        id=channel.id,
        title=channel.title,
        photo=types.ChatPhotoEmpty(),
        date=moment(channel.created),
        left=viewer.id not in channel.members,
        creator=channel.owner == viewer.id,
        broadcast=not channel.megagroup,
        megagroup=channel.megagroup,
        access_hash=access_hash,
        username=channel.username,
        admin_rights=rights if channel.owner == viewer.id else None,
        participants_count=len(channel.members),
    )


def post(world: World, item: Post) -> TLObject:
    """A channel's message; the same bytes for every viewer, serialised once per version."""
    author = item.author if world.channels.by_id[item.channel_id].megagroup else None
    forward = tuple(sorted(item.forward.items())) if item.forward else None
    return Packed(
        _post_bytes(
            item.channel_id,
            item.id,
            (item.text, item.date, item.edit_date, item.views, item.album, item.photo, item.edit_hidden),
            json.dumps([item.entities, item.fields, item.reactions]),
            forward,
            author,
        )
    )


@lru_cache(maxsize=50_000)
def _post_bytes(
    channel_id: int,
    post_id: int,
    content: tuple[Any, ...],
    more: str,
    forward: tuple[Any, ...] | None,
    author: int | None,
) -> bytes:
    text, date, edit_date, views, album, photo, edit_hidden = content
    entities, fields, reactions = json.loads(more)
    if "action" in fields:
        peer, action = types.PeerChannel(channel_id), from_json(fields["action"])
        return bytes(types.MessageService(post_id, peer, action=action, date=moment(date), post=True))
    message = types.Message(
        id=post_id,
        peer_id=types.PeerChannel(channel_id),
        date=moment(date),
        message=text,
        post=author is None,
        from_id=types.PeerUser(author) if author else None,
        fwd_from=_forward(dict(forward)) if forward else None,
        media=_photo(channel_id, post_id, date) if photo else None,
        entities=text_entities(text, entities) or None,
        views=views,
        forwards=0,
        edit_date=moment(edit_date) if edit_date else None,
        edit_hide=edit_hidden,
        reactions=_reactions(reactions) if reactions else None,
        grouped_id=crc32(f"{channel_id}:{album}".encode()) + 2**33 if album else None,
    )
    for name, value in fields.items():
        setattr(message, name, from_json(value))
    return bytes(message)


def _forward(facts: dict[str, int]) -> TLObject:
    origin = types.PeerChannel(facts["channel_id"])
    return types.MessageFwdHeader(date=moment(facts["date"]), from_id=origin, channel_post=facts["post_id"])


def _reactions(counts: dict[str, int]) -> TLObject:
    results = [types.ReactionCount(types.ReactionEmoji(emoji), count) for emoji, count in counts.items()]
    return types.MessageReactions(results=results)


def _photo(channel_id: int, post_id: int, date: int) -> TLObject:
    photo = types.Photo(
        id=channel_id * 2**20 + post_id,
        access_hash=channel_id ^ post_id << 16,
        file_reference=b"\0" * 8,
        date=moment(date),
        sizes=[types.PhotoSize("x", 800, 600, 48_000)],
        dc_id=2,
    )
    return types.MessageMediaPhoto(photo=photo)


def url_entities(text: str) -> list[Any]:
    """Entities of links in plain text; offsets are in UTF-16 units, as in Telegram."""
    return [
        types.MessageEntityUrl(_utf16(text[: match.start()]), _utf16(match.group().rstrip(".,;:!?")))
        for match in URL.finditer(text)
    ]


# the Bot API's names, in which posts are stored, of what a person can write
_ENTITIES = {
    "bold": types.MessageEntityBold,
    "italic": types.MessageEntityItalic,
    "underline": types.MessageEntityUnderline,
    "strikethrough": types.MessageEntityStrike,
    "spoiler": types.MessageEntitySpoiler,
    "code": types.MessageEntityCode,
    "pre": types.MessageEntityPre,
    "blockquote": types.MessageEntityBlockquote,
    "text_link": types.MessageEntityTextUrl,
}


def text_entities(text: str, written: list[dict[str, Any]]) -> list[Any]:
    """The entities of a post: those written, and the links in plain text outside code and written links."""
    made = [_entity(each) for each in written]
    closed = [each for each in made if isinstance(each, _CLOSED)]
    links = [
        link
        for link in url_entities(text)
        if not any(
            each.offset < link.offset + link.length and link.offset < each.offset + each.length
            for each in closed
        )
    ]
    return sorted([*made, *links], key=lambda each: each.offset)


_CLOSED = (types.MessageEntityCode, types.MessageEntityPre, types.MessageEntityTextUrl)


def _entity(written: dict[str, Any]) -> Any:
    kind, place = written["type"], (written["offset"], written["length"])
    if kind == "text_link":
        return types.MessageEntityTextUrl(*place, url=written["url"])
    if kind == "pre":
        return types.MessageEntityPre(*place, language=written.get("language", ""))
    return _ENTITIES[kind](*place)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def bot_message(world: World, item: BotMessage) -> TLObject:
    """A message of the private chat with the bot, from the person's point of view."""
    return types.Message(
        id=item.id,
        peer_id=types.PeerUser(world.bot.id),
        date=moment(item.date),
        message=item.text,
        out=item.out,
        from_id=None,
        entities=url_entities(item.text) or None,
        edit_date=moment(item.edit_date) if item.edit_date else None,
    )


def channel_dialog(channel: Channel) -> TLObject:
    return dialog(types.PeerChannel(channel.id), channel.top_id, channel.pts)


def dialog(peer: Any, top: int, pts: int | None) -> TLObject:
    """An entry of the chat list, with everything marked as read."""
    return types.Dialog(
        peer=peer,
        top_message=top,
        read_inbox_max_id=top,
        read_outbox_max_id=top,
        unread_count=0,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=types.PeerNotifySettings(),
        pts=pts,
    )
