"""channels.*, invites and contacts.*: finding, joining and leaving channels."""

from __future__ import annotations

import re
from typing import Any

from telethon.tl.functions import channels, contacts, messages
from telethon.tl.tlobject import TLObject

from sandbox.tg_api import convert
from sandbox.tg_api.dispatch import Caller, RpcFault, rpc
from sandbox.tg_api.peers import channel_of
from sandbox.tl import types
from sandbox.world.model import Channel

USERNAME = re.compile(r"[a-zA-Z]\w{3,31}", re.ASCII)


def _chat(caller: Caller, channel: Channel) -> TLObject:
    return convert.chat(caller.world, channel, caller.person)


@rpc(channels.GetChannelsRequest)
def get_channels(caller: Caller, request: channels.GetChannelsRequest) -> TLObject:
    found = [channel_of(caller, peer, readable=False) for peer in request.id]
    return types.messages.Chats([_chat(caller, channel) for channel in found])


@rpc(channels.GetFullChannelRequest)
def get_full_channel(caller: Caller, request: channels.GetFullChannelRequest) -> TLObject:
    channel = channel_of(caller, request.channel)
    full = types.ChannelFull(
        id=channel.id,
        about=channel.about,
        read_inbox_max_id=channel.top_id,
        read_outbox_max_id=channel.top_id,
        unread_count=0,
        chat_photo=types.PhotoEmpty(0),
        notify_settings=types.PeerNotifySettings(),
        bot_info=[],
        pts=channel.pts,
        participants_count=len(channel.members),
    )
    return types.messages.ChatFull(full, [_chat(caller, channel)], [])


@rpc(channels.ReadHistoryRequest)
def read_channel(caller: Caller, request: channels.ReadHistoryRequest) -> bool:
    channel_of(caller, request.channel)
    return True


@rpc(channels.JoinChannelRequest)
def join_channel(caller: Caller, request: channels.JoinChannelRequest) -> TLObject:
    channel = channel_of(caller, request.channel)
    caller.world.channels.join(channel, caller.person)
    return types.messages.ChatInviteJoinResultOk(_membership(caller, channel))


@rpc(channels.LeaveChannelRequest)
def leave_channel(caller: Caller, request: channels.LeaveChannelRequest) -> TLObject:
    channel = channel_of(caller, request.channel)
    caller.world.channels.leave(channel, caller.person)
    return _membership(caller, channel)


def _membership(caller: Caller, channel: Channel) -> TLObject:
    return types.Updates(
        updates=[types.UpdateChannel(channel.id)],
        users=[],
        chats=[_chat(caller, channel)],
        date=convert.moment(caller.world.clock.now()),
        seq=0,
    )


def _invited(caller: Caller, invite: str) -> Channel:
    for channel in caller.world.channels.by_id.values():
        if channel.invite == invite:
            return channel
    raise RpcFault(400, "INVITE_HASH_INVALID" if not invite else "INVITE_HASH_EXPIRED")


@rpc(messages.CheckChatInviteRequest)
def check_invite(caller: Caller, request: messages.CheckChatInviteRequest) -> TLObject:
    channel = _invited(caller, request.hash)
    if caller.person.id in channel.members:
        return types.ChatInviteAlready(_chat(caller, channel))
    return types.ChatInvite(
        title=channel.title,
        photo=types.PhotoEmpty(0),
        participants_count=len(channel.members),
        color=0,
        channel=True,
        broadcast=not channel.megagroup,
        megagroup=channel.megagroup,
        public=not channel.private,
        about=channel.about or None,
    )


@rpc(messages.ImportChatInviteRequest)
def import_invite(caller: Caller, request: messages.ImportChatInviteRequest) -> TLObject:
    channel = _invited(caller, request.hash)
    if caller.person.id in channel.members:
        raise RpcFault(400, "USER_ALREADY_PARTICIPANT")
    caller.world.channels.join(channel, caller.person)
    return types.messages.ChatInviteJoinResultOk(_membership(caller, channel))


@rpc(contacts.ResolveUsernameRequest)
def resolve_username(caller: Caller, request: contacts.ResolveUsernameRequest) -> TLObject:
    world, viewer, name = caller.world, caller.person, request.username
    if not USERNAME.fullmatch(name):
        raise RpcFault(400, "USERNAME_INVALID")
    channel = world.channels.named(name)
    if channel:
        return types.contacts.ResolvedPeer(types.PeerChannel(channel.id), [_chat(caller, channel)], [])
    person = world.people.named(name)
    if person:
        found: Any = convert.user(world, person, viewer)
    elif name.lower() == world.install.facts["bot_username"].lower():
        found = convert.bot_user(world, viewer)
    else:
        raise RpcFault(400, "USERNAME_NOT_OCCUPIED")
    return types.contacts.ResolvedPeer(types.PeerUser(found.id), [], [found])


@rpc(contacts.SearchRequest)
def search(caller: Caller, request: contacts.SearchRequest) -> TLObject:
    query = request.q.lstrip("@").casefold()
    if len(query) < 3:
        raise RpcFault(400, "QUERY_TOO_SHORT")
    found = [
        channel
        for channel in caller.world.channels.by_id.values()
        if not channel.private
        and (query in channel.title.casefold() or query in (channel.username or "").casefold())
    ][: request.limit]
    mine = [types.PeerChannel(each.id) for each in found if caller.person.id in each.members]
    others = [types.PeerChannel(each.id) for each in found if caller.person.id not in each.members]
    return types.contacts.Found(mine, others, [_chat(caller, each) for each in found], [])


@rpc(contacts.GetContactsRequest)
def get_contacts(caller: Caller, request: contacts.GetContactsRequest) -> TLObject:
    return types.contacts.Contacts([], 0, [])
