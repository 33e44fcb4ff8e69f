"""messages.* and channels.* that read messages: history, search, single messages."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from telethon.tl.functions import channels, messages
from telethon.tl.tlobject import TLObject

from sandbox.tg_api import convert
from sandbox.tg_api.dispatch import Caller, RpcFault, rpc
from sandbox.tg_api.peers import channel_of, is_bot, is_channel, person_of
from sandbox.tl import types
from sandbox.world.model import BotMessage, Channel, Post

Item = TypeVar("Item")
PAGE = 100  # the most messages that Telegram returns at once


def channel_messages(caller: Caller, channel: Channel, found: Sequence[Post | int], count: int) -> TLObject:
    """An answer with posts (or ids of missing ones) and every chat and user that they refer to."""
    posts = [each for each in found if isinstance(each, Post)]
    return types.messages.ChannelMessages(
        pts=channel.pts,
        count=count,
        messages=[_post_or_gap(caller, channel, each) for each in found],
        topics=[],
        chats=chats_of(caller, channel, posts),
        users=users_of(caller, posts),
    )


def _post_or_gap(caller: Caller, channel: Channel, found: Post | int) -> TLObject:
    if isinstance(found, int):
        return types.MessageEmpty(found, types.PeerChannel(channel.id))
    return convert.post(caller.world, found)


def chats_of(caller: Caller, channel: Channel, posts: Iterable[Post]) -> list[TLObject]:
    """The channel and those that its posts were forwarded from."""
    known = caller.world.channels.by_id
    origins = {post.forward["channel_id"] for post in posts if post.forward} - {channel.id}
    chats = [channel, *(known[origin] for origin in sorted(origins) if origin in known)]
    return [convert.chat(caller.world, each, caller.person) for each in chats]


def users_of(caller: Caller, posts: Iterable[Post]) -> list[TLObject]:
    authors = {post.author for post in posts if post.author}
    people = caller.world.people.by_id
    return [convert.user(caller.world, people[author], caller.person) for author in sorted(authors)]


def page(items: Sequence[Item], ids: Sequence[int], request: Any) -> list[Item]:
    """The window that a history request selects, newest first. `items` are in the order of `ids`, ascending.

    Source: https://core.telegram.org/api/offsets
    """
    limit = max(0, min(request.limit, PAGE))
    end = (bisect_left(ids, request.offset_id) if request.offset_id else len(ids)) - request.add_offset
    window = items[max(0, end - limit) : max(0, end)]
    kept = ids[max(0, end - limit) : max(0, end)]
    return [
        item
        for item, id_ in zip(reversed(window), reversed(kept), strict=True)
        if (not request.max_id or id_ < request.max_id) and id_ > request.min_id
    ]


@rpc(messages.GetHistoryRequest)
def get_history(caller: Caller, request: messages.GetHistoryRequest) -> TLObject:
    if not is_channel(request.peer):
        return _private(caller, request, "")
    channel = channel_of(caller, request.peer)
    live, posts = caller.world.channels.live[channel.id], caller.world.channels.posts[channel.id]
    before = (
        int(request.offset_date.timestamp()) if request.offset_date else 0
    )  # an absent date is sent as 1970
    if before and not request.offset_id:
        at = bisect_left(live, before, key=lambda post_id: posts[post_id].date)
        request.offset_id = live[at] if at < len(live) else 0
    found = [posts[post_id] for post_id in page(live, live, request)]
    found = caller.world.faults.cut("messages.getHistory", found)
    return channel_messages(caller, channel, found, len(live))


@rpc(messages.SearchRequest)
def search(caller: Caller, request: messages.SearchRequest) -> TLObject:
    if not is_channel(request.peer):
        return _private(caller, request, request.q)
    channel = channel_of(caller, request.peer)
    posts = caller.world.channels.posts[channel.id]
    matching = [
        posts[post_id] for post_id in caller.world.channels.live[channel.id] if _fits(posts[post_id], request)
    ]
    found = page(matching, [post.id for post in matching], request)
    return channel_messages(caller, channel, found, len(matching))


def _fits(post: Post, request: messages.SearchRequest) -> bool:
    if isinstance(request.filter, types.InputMessagesFilterPhotos) and not post.photo:
        return False
    latest = request.max_date.timestamp() if request.max_date else 0
    if request.min_date and post.date < request.min_date.timestamp():
        return False
    if latest and post.date > latest:
        return False
    return request.q.casefold() in post.text.casefold()


def _private(caller: Caller, request: Any, query: str) -> TLObject:
    """Messages of the chat with the bot; chats with other people are empty."""
    if not is_bot(caller, request.peer):
        person_of(caller, request.peer)
        return types.messages.Messages([], [], [], [])
    items = [
        each
        for each in caller.world.chats.messages(caller.person)
        if query.casefold() in each.text.casefold()
    ]
    found = page(items, [each.id for each in items], request)
    return types.messages.MessagesSlice(len(items), *_bot_answer(caller, found))


def _bot_answer(
    caller: Caller, found: Iterable[BotMessage]
) -> tuple[list[TLObject], list[Any], list[Any], list[Any]]:
    users = [
        convert.bot_user(caller.world, caller.person),
        convert.user(caller.world, caller.person, caller.person),
    ]
    return [convert.bot_message(caller.world, each) for each in found], [], [], users


@rpc(channels.GetMessagesRequest)
def get_channel_messages(caller: Caller, request: channels.GetMessagesRequest) -> TLObject:
    channel = channel_of(caller, request.channel)
    posts = caller.world.channels.posts[channel.id]
    wanted = [_message_id(each) for each in request.id[:PAGE]]
    found = [posts[each] if each in posts and not posts[each].deleted else each for each in wanted]
    return channel_messages(caller, channel, found, len(found))


@rpc(messages.GetMessagesRequest)
def get_messages(caller: Caller, request: messages.GetMessagesRequest) -> TLObject:
    wanted = [_message_id(each) for each in request.id[:PAGE]]
    mine = {each.id: each for each in caller.world.chats.messages(caller.person)}
    found, *rest = _bot_answer(caller, [mine[each] for each in wanted if each in mine])
    gaps = [
        types.MessageEmpty(each, types.PeerUser(caller.world.bot.id)) for each in wanted if each not in mine
    ]
    return types.messages.Messages([*found, *gaps], *rest)


def _message_id(wanted: Any) -> int:
    if not isinstance(wanted, types.InputMessageID):
        raise RpcFault(400, "MESSAGE_ID_INVALID")
    return wanted.id


@rpc(messages.ReadHistoryRequest)
def read_history(caller: Caller, request: messages.ReadHistoryRequest) -> TLObject:
    return types.messages.AffectedMessages(caller.person.pts, 0)
