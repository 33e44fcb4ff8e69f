"""The chat list and its folders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from telethon import utils
from telethon.tl.functions import messages
from telethon.tl.tlobject import TLObject

from sandbox.tg_api import convert
from sandbox.tg_api.dispatch import Caller, rpc
from sandbox.tg_api.history import PAGE, users_of
from sandbox.tg_api.peers import channel_of, is_bot, is_channel
from sandbox.tg_api.updates import state
from sandbox.tl import types
from sandbox.world.model import Channel, Post

ARCHIVE = 1  # Telegram's folder of archived chats, always empty here


def _last_post(caller: Caller, channel: Channel) -> Post | None:
    live = caller.world.channels.live[channel.id]
    return caller.world.channels.posts[channel.id][live[-1]] if live else None


def _mine(caller: Caller) -> list[Channel | None]:
    """The caller's chats, the latest activity first: channels, and None for the chat with the bot."""
    channels = caller.world.channels
    dated: list[tuple[int, Channel | None]] = [
        (channels.last_date(channel), channel) for channel in channels.followed_by(caller.person)
    ]
    chat = caller.world.chats.messages(caller.person)
    if chat:
        dated.append((chat[-1].date, None))
    return [channel for _, channel in sorted(dated, key=lambda each: each[0], reverse=True)]


def _parts(caller: Caller, mine: Sequence[Channel | None]) -> dict[str, list[TLObject]]:
    """The parts of an answer: dialogs with their last messages, chats and users."""
    world, viewer = caller.world, caller.person
    channels = [each for each in mine if each is not None]
    lasts = {each.id: _last_post(caller, each) for each in channels}
    posts = [post for post in lasts.values() if post]
    parts: dict[str, list[TLObject]] = {
        "dialogs": [],
        "messages": [convert.post(world, post) for post in posts],
        "chats": [convert.chat(world, each, viewer) for each in channels],
        "users": [*users_of(caller, posts), convert.user(world, viewer, viewer)],
    }
    for each in mine:
        if each is None:
            last = world.chats.messages(viewer)[-1]
            parts["dialogs"].append(convert.dialog(types.PeerUser(world.bot.id), last.id, None))
            parts["messages"].append(convert.bot_message(world, last))
            parts["users"].append(convert.bot_user(world, viewer))
        else:
            last_post = lasts[each.id]
            top = last_post.id if last_post else 0
            parts["dialogs"].append(convert.dialog(types.PeerChannel(each.id), top, each.pts))
    return parts


@rpc(messages.GetDialogsRequest)
def get_dialogs(caller: Caller, request: messages.GetDialogsRequest) -> TLObject:
    mine = [] if request.folder_id == ARCHIVE else _mine(caller)
    rest = mine[_after(mine, request.offset_peer) :]
    shown = rest[: max(1, min(request.limit, PAGE))]
    parts: dict[str, Any] = _parts(caller, shown)
    if len(shown) < len(rest):
        return types.messages.DialogsSlice(len(mine), **parts)
    return types.messages.Dialogs(**parts)


def _after(mine: Sequence[Channel | None], offset: Any) -> int:
    if isinstance(offset, types.InputPeerEmpty | types.InputPeerSelf):
        return 0
    wanted = utils.get_peer_id(offset, add_mark=False)
    for index, each in enumerate(mine):
        if wanted == (each.id if each else getattr(offset, "user_id", None)):
            return index + 1
    return 0


@rpc(messages.GetPinnedDialogsRequest)
def get_pinned_dialogs(caller: Caller, request: messages.GetPinnedDialogsRequest) -> TLObject:
    return types.messages.PeerDialogs([], [], [], [], state(caller))


@rpc(messages.GetPeerDialogsRequest)
def get_peer_dialogs(caller: Caller, request: messages.GetPeerDialogsRequest) -> TLObject:
    wanted: list[Channel | None] = []
    for each in request.peers:
        peer = getattr(each, "peer", None)
        if is_channel(peer):
            wanted.append(channel_of(caller, peer))
        elif is_bot(caller, peer) and caller.world.chats.messages(caller.person):
            wanted.append(None)
    parts: dict[str, Any] = _parts(caller, wanted)
    return types.messages.PeerDialogs(**parts, state=state(caller))


@rpc(messages.GetDialogFiltersRequest)
def get_dialog_filters(caller: Caller, request: messages.GetDialogFiltersRequest) -> TLObject:
    world, viewer = caller.world, caller.person
    filters: list[Any] = [types.DialogFilterDefault()]
    for folder in viewer.folders:
        peers = [
            types.InputPeerChannel(channel_id, world.access_hash(viewer.id, "channel", channel_id))
            for channel_id in folder["channels"]
        ]
        title = types.TextWithEntities(folder["title"], [])
        filters.append(types.DialogFilter(folder["id"], title, [], peers, []))
    return types.messages.DialogFilters(filters)
