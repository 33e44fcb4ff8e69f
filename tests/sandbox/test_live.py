"""Live updates and the gaps between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from telethon import TelegramClient, errors, events
from telethon.tl import functions, types

from sandbox.control import Sandbox
from tests.sandbox.conftest import Connect


async def until(condition: Callable[[], Any], seconds: float = 60) -> None:
    """Wait for something to become true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it never happened"
        await asyncio.sleep(0.02)


class Heard(list[tuple[str, Any]]):
    """Everything a client's handlers were told."""

    def __init__(self, client: TelegramClient) -> None:
        super().__init__()
        client.add_event_handler(self._new, events.NewMessage())
        client.add_event_handler(self._edited, events.MessageEdited())
        client.add_event_handler(self._deleted, events.MessageDeleted())

    async def _new(self, event: Any) -> None:
        self.append(("new", event.raw_text))

    async def _edited(self, event: Any) -> None:
        self.append(("edited", event.raw_text))

    async def _deleted(self, event: Any) -> None:
        self.append(("deleted", event.deleted_ids))


async def test_new_edited_and_deleted_posts_arrive(sandbox: Sandbox, connect: Connect) -> None:
    """What happens in a followed channel is heard in order."""
    client = await connect("anna")
    heard = Heard(client)
    channel = sandbox.channels.get("lumsk_news")
    post = sandbox.channels.publish(channel, "Снег")
    sandbox.channels.edit(channel, post.id, "Снег и лёд")
    sandbox.channels.delete(channel, [post.id])
    await until(lambda: len(heard) == 3)
    assert heard == [("new", "Снег"), ("edited", "Снег и лёд"), ("deleted", [post.id])]


async def test_only_followers_hear(sandbox: Sandbox, connect: Connect) -> None:
    """A private channel of one person is silence for the other."""
    anna, max_ = Heard(await connect("anna")), Heard(await connect("max"))
    sandbox.channels.publish(sandbox.channels.get("sadovaya14"), "Домофон")
    sandbox.channels.publish(sandbox.channels.get("lumsk_news"), "Всем")
    await until(lambda: max_ and len(anna) == 2)
    assert max_ == [("new", "Всем")]


async def test_the_bots_messages_arrive_too(sandbox: Sandbox, connect: Connect) -> None:
    """Private messages move the account's own pts."""
    client = await connect("anna")
    heard = Heard(client)
    anna = sandbox.phone("anna").person
    item = sandbox.world.chats.add(anna, "Привет", out=False)
    sandbox.world.chats.edit(anna, item, text="Здравствуйте")
    sandbox.world.chats.delete(anna, item)
    await until(lambda: len(heard) == 3)
    assert [kind for kind, _ in heard] == ["new", "edited", "deleted"]


async def test_posts_missed_while_away_come_as_a_difference(sandbox: Sandbox, connect: Connect) -> None:
    """The first post after a lost connection shows the gap; the difference brings what was missed."""
    client = await connect("anna")
    heard = Heard(client)
    channel = sandbox.channels.get("lumsk_news")
    sandbox.channels.publish(channel, "до")
    await until(lambda: heard)
    await sandbox.unreachable()
    sandbox.channels.publish(channel, "во время")
    await sandbox.reachable()
    await client.get_me()
    sandbox.channels.publish(channel, "после")
    await until(lambda: len(heard) == 3)
    assert sorted(text for _, text in heard) == ["во время", "до", "после"]


async def test_catching_up_names_the_channels_that_moved(sandbox: Sandbox, connect: Connect) -> None:
    """The account's difference says which channels must be asked for their own."""
    client = await connect("anna")
    heard = Heard(client)
    channel = sandbox.channels.get("lumsk_news")
    sandbox.channels.publish(channel, "до")
    await until(lambda: heard)
    await sandbox.unreachable()
    sandbox.channels.publish(channel, "во время")
    await sandbox.reachable()
    await client.get_me()
    await client.catch_up()
    await until(lambda: len(heard) == 2)
    assert heard[-1] == ("new", "во время")


async def test_channel_difference_lists_what_happened(sandbox: Sandbox, connect: Connect) -> None:
    """New posts as messages, edits and deletions of older ones as updates, in slices."""
    client = await connect("anna")
    channel = sandbox.channels.get("lumsk_news")
    old, older = sandbox.channels.live[channel.id][-2:]
    pts = channel.pts
    sandbox.channels.edit(channel, old, "исправлено")
    sandbox.channels.delete(channel, [older])
    fresh = [sandbox.channels.publish(channel, f"новое {number}") for number in range(3)]
    peer = await client.get_input_entity("lumsk_news")
    ask = functions.updates.GetChannelDifferenceRequest
    whole = await client(ask(peer, types.ChannelMessagesFilterEmpty(), pts, 100))
    assert whole.final and whole.pts == channel.pts
    assert [message.id for message in whole.new_messages] == [post.id for post in fresh]
    assert {type(each) for each in whole.other_updates} == {
        types.UpdateEditChannelMessage,
        types.UpdateDeleteChannelMessages,
    }
    part = await client(ask(peer, types.ChannelMessagesFilterEmpty(), pts, 2))
    assert not part.final and part.pts == pts + 2
    nothing = await client(ask(peer, types.ChannelMessagesFilterEmpty(), channel.pts, 2))
    assert isinstance(nothing, types.updates.ChannelDifferenceEmpty)


async def test_too_long_gaps_bring_no_messages(sandbox: Sandbox, connect: Connect) -> None:
    """Telegram says "too long" and gives the newest state only."""
    client = await connect("anna")
    channel = sandbox.channels.get("lumsk_news")
    peer = await client.get_input_entity("lumsk_news")
    sandbox.too_long("lumsk_news")
    request = functions.updates.GetChannelDifferenceRequest(
        peer, types.ChannelMessagesFilterEmpty(), channel.pts, 100
    )
    answer = await client(request)
    assert isinstance(answer, types.updates.ChannelDifferenceTooLong)
    assert answer.dialog.pts == channel.pts and answer.messages
    sandbox.too_long()
    state = await client(functions.updates.GetStateRequest())
    difference = await client(functions.updates.GetDifferenceRequest(state.pts, state.date, 0))
    assert isinstance(difference, types.updates.DifferenceTooLong)


async def test_joining_starts_and_leaving_ends_the_updates(sandbox: Sandbox, connect: Connect) -> None:
    """Membership decides what is heard."""
    client = await connect("anna")
    heard = Heard(client)
    channel = sandbox.channels.get("slow_python")
    peer = await client.get_input_entity("slow_python")
    sandbox.channels.publish(channel, "unheard")
    await client(functions.channels.JoinChannelRequest(peer))
    sandbox.channels.publish(channel, "heard")
    await until(lambda: heard)
    await client(functions.channels.LeaveChannelRequest(peer))
    sandbox.channels.publish(channel, "unheard again")
    await asyncio.sleep(0.2)
    assert heard == [("new", "heard")]


async def test_a_channel_made_private_is_closed(sandbox: Sandbox, connect: Connect) -> None:
    """Access is lost at once and said in Telegram's own words."""
    client = await connect("max")
    peer = await client.get_input_entity("fc_plotina")
    sandbox.channels.set_private(sandbox.channels.get("fc_plotina"), True)
    with pytest.raises(errors.ChannelPrivateError):
        await client.get_messages(peer, limit=1)
    with pytest.raises(errors.UsernameNotOccupiedError):
        await client(functions.contacts.ResolveUsernameRequest("fc_plotina"))


async def test_a_client_may_refuse_updates(sandbox: Sandbox, connect: Connect) -> None:
    """invokeWithoutUpdates is honoured."""
    client = await connect("anna", receive_updates=False)
    heard = Heard(client)
    sandbox.channels.publish(sandbox.channels.get("lumsk_news"), "тихо")
    await asyncio.sleep(0.2)
    assert heard == []
