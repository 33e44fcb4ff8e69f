"""updates.*: the account's state, and the differences that fill gaps in its updates.

Source: https://core.telegram.org/api/updates
"""

from __future__ import annotations

from typing import Any

from telethon.tl.functions import updates
from telethon.tl.tlobject import TLObject

from sandbox.tg_api import convert
from sandbox.tg_api.dispatch import Caller, rpc
from sandbox.tg_api.peers import channel_of
from sandbox.tl import types
from sandbox.world.model import Channel, ChannelEvent, Person, Post
from sandbox.world.world import World

LONGEST = 3000  # events; if more were missed, Telegram answers "too long"


def state(caller: Caller) -> Any:
    now = convert.moment(caller.world.clock.now())
    return types.updates.State(pts=caller.person.pts, qts=0, date=now, seq=1, unread_count=0)


@rpc(updates.GetStateRequest)
def get_state(caller: Caller, request: updates.GetStateRequest) -> TLObject:
    return state(caller)


@rpc(updates.GetDifferenceRequest)
def get_difference(caller: Caller, request: updates.GetDifferenceRequest) -> TLObject:
    world, person = caller.world, caller.person
    missed = [event for event in world.chats.events(person) if event.pts > request.pts]
    if 0 in world.faults.too_long or len(missed) > LONGEST:
        world.faults.too_long.discard(0)
        return types.updates.DifferenceTooLong(person.pts)
    now = state(caller)
    stale = _channels_behind(caller, int(request.date.timestamp()) if request.date else 0)
    if not missed and not stale:
        return types.updates.DifferenceEmpty(now.date, now.seq)
    alive = {message.id: message for message in world.chats.messages(person)}
    fresh = [event.message_id for event in missed if event.kind == "new" and event.message_id in alive]
    other: list[TLObject] = [types.UpdateChannelTooLong(channel.id, channel.pts) for channel in stale]
    for event in missed:
        if event.kind == "delete":
            other.append(types.UpdateDeleteMessages([event.message_id], event.pts, 1))
        elif event.kind == "edit" and event.message_id in alive and event.message_id not in fresh:
            message = convert.bot_message(world, alive[event.message_id])
            other.append(types.UpdateEditMessage(message, event.pts, 1))
    return types.updates.Difference(
        new_messages=[convert.bot_message(world, alive[each]) for each in fresh],
        new_encrypted_messages=[],
        other_updates=other,
        chats=[convert.chat(world, channel, person) for channel in stale],
        users=[convert.bot_user(world, person), convert.user(world, person, person)],
        state=now,
    )


def _channels_behind(caller: Caller, since: int) -> list[Channel]:
    """Channels with events since `since` (Unix time), whose own difference the client has to request."""
    channels = caller.world.channels
    mine = channels.followed_by(caller.person)
    return [each for each in mine if channels.events[each.id] and channels.events[each.id][-1].date >= since]


@rpc(updates.GetChannelDifferenceRequest)
def get_channel_difference(caller: Caller, request: updates.GetChannelDifferenceRequest) -> TLObject:
    channel = channel_of(caller, request.channel)
    world = caller.world
    missed = [event for event in world.channels.events[channel.id] if event.pts > request.pts]
    too_long = channel.id in world.faults.too_long
    if too_long or request.pts < channel.base_pts or len(missed) > LONGEST:
        world.faults.too_long.discard(channel.id)
        return _too_long(caller, channel)
    if not missed:
        return types.updates.ChannelDifferenceEmpty(channel.pts, final=True, timeout=30)
    part = missed[: max(1, request.limit)]
    posts, other = _replay(world, channel, part)
    return types.updates.ChannelDifference(
        pts=part[-1].pts,
        new_messages=[convert.post(world, post) for post in posts],
        other_updates=other,
        chats=[convert.chat(world, channel, caller.person)],
        users=[],
        final=len(part) == len(missed),
        timeout=30,
    )


def _replay(world: World, channel: Channel, events: list[ChannelEvent]) -> tuple[list[Post], list[TLObject]]:
    posts = world.channels.posts[channel.id]
    fresh = [
        posts[post_id]
        for event in events
        if event.kind == "new"
        for post_id in event.ids
        if not posts[post_id].deleted
    ]
    new_ids = {post.id for post in fresh}
    other: list[TLObject] = [
        channel_update(world, event)
        for event in events
        if event.kind == "delete"
        or (event.kind == "edit" and event.ids[0] not in new_ids and not posts[event.ids[0]].deleted)
    ]
    return fresh, other


def channel_update(world: World, event: ChannelEvent) -> TLObject:
    """An event of a channel as an update."""
    if event.kind == "delete":
        return types.UpdateDeleteChannelMessages(event.channel_id, event.ids, event.pts, event.count)
    post = convert.post(world, world.channels.posts[event.channel_id][event.ids[0]])
    if event.kind == "edit":
        return types.UpdateEditChannelMessage(post, event.pts, event.count)
    return types.UpdateNewChannelMessage(post, event.pts, event.count)


def _too_long(caller: Caller, channel: Channel) -> TLObject:
    live = caller.world.channels.live[channel.id][-20:]
    posts = [caller.world.channels.posts[channel.id][post_id] for post_id in reversed(live)]
    return types.updates.ChannelDifferenceTooLong(
        dialog=convert.channel_dialog(channel),
        messages=[convert.post(caller.world, post) for post in posts],
        chats=[convert.chat(caller.world, channel, caller.person)],
        users=[_user(caller, post.author) for post in posts if post.author],
        final=True,
        timeout=30,
    )


def _user(caller: Caller, person_id: int) -> TLObject:
    person: Person = caller.world.people.by_id[person_id]
    return convert.user(caller.world, person, caller.person)
