"""Converts the peers in a request to world objects, checking access hashes as Telegram does."""

from __future__ import annotations

from typing import Any

from sandbox.tg_api.dispatch import Caller, RpcFault
from sandbox.tl import types
from sandbox.world.model import Channel, Person

_CHANNELS = (types.InputPeerChannel, types.InputChannel)
_USERS = (types.InputPeerUser, types.InputUser)
_SELF = (types.InputPeerSelf, types.InputUserSelf)


def channel_of(caller: Caller, peer: Any, *, readable: bool = True) -> Channel:
    """The channel that a peer refers to.

    Raises RpcFault CHANNEL_INVALID, or with `readable` CHANNEL_PRIVATE if the caller may not read it.
    """
    if not isinstance(peer, _CHANNELS):
        raise RpcFault(400, "CHANNEL_INVALID")
    channel = caller.world.channels.by_id.get(peer.channel_id)
    expected = caller.world.access_hash(caller.person.id, "channel", peer.channel_id)
    if channel is None or peer.access_hash != expected:
        raise RpcFault(400, "CHANNEL_INVALID")
    if readable and not caller.world.channels.may_read(channel, caller.person):
        raise RpcFault(406, "CHANNEL_PRIVATE")
    return channel


def is_channel(peer: Any) -> bool:
    return isinstance(peer, _CHANNELS)


def is_bot(caller: Caller, peer: Any) -> bool:
    return isinstance(peer, _USERS) and peer.user_id == caller.world.bot.id


def person_of(caller: Caller, peer: Any) -> Person:
    """The person that a user peer refers to. Raises RpcFault PEER_ID_INVALID."""
    if isinstance(peer, _SELF):
        return caller.person
    person = caller.world.people.by_id.get(getattr(peer, "user_id", 0))
    if person is None:
        raise RpcFault(400, "PEER_ID_INVALID")
    if person.id != caller.person.id:
        expected = caller.world.access_hash(caller.person.id, "user", person.id)
        if getattr(peer, "access_hash", None) != expected:
            raise RpcFault(400, "PEER_ID_INVALID")
    return person
