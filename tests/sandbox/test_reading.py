"""What a logged-in reader finds: dialogs, history, single messages, names."""

from __future__ import annotations

import time
from typing import Any

import pytest
from telethon import errors
from telethon.tl import functions, types

from sandbox.control import Sandbox
from sandbox.world.model import Post
from tests.sandbox.conftest import Connect


def _long_channel(sandbox: Sandbox, count: int) -> int:
    anna = sandbox.phone("anna").person
    channel = sandbox.channels.create("Long", username="long_channel", members=[anna.id])
    posts = [
        Post(channel.id, number, f"post {number}", 1_700_000_000 + number * 60)
        for number in range(1, count + 1)
    ]
    sandbox.channels.load_history(channel, posts)
    return channel.id


async def test_dialogs_are_the_followed_channels(sandbox: Sandbox, connect: Connect) -> None:
    """Newest first, groups told from channels, nothing of the other person's private ones."""
    client = await connect("anna")
    dialogs = await client.get_dialogs()
    anna = sandbox.phone("anna").person
    followed = sandbox.channels.followed_by(anna)
    assert [dialog.name for dialog in dialogs] == [channel.title for channel in followed]
    groups = [dialog.name for dialog in dialogs if dialog.is_group]
    assert groups == [channel.title for channel in followed if channel.megagroup]
    assert all(dialog.entity.left is False for dialog in dialogs)
    assert not any("Petrel" in dialog.name for dialog in dialogs)


async def test_dialogs_come_in_pages(sandbox: Sandbox, connect: Connect) -> None:
    """More chats than one answer holds are all found, once each."""
    anna = sandbox.phone("anna").person
    for number in range(230):
        sandbox.channels.create(f"c{number}", members=[anna.id], created=1_600_000_000 + number)
    client = await connect("anna")
    dialogs = await client.get_dialogs()
    assert len({dialog.id for dialog in dialogs}) == len(dialogs) == len(sandbox.channels.followed_by(anna))


async def test_bot_chat_is_a_dialog_once_it_exists(sandbox: Sandbox, connect: Connect) -> None:
    """The account's own chats include the one with the bot."""
    sandbox.phone("anna").send("/start")
    client = await connect("anna")
    bot = next(dialog for dialog in await client.get_dialogs() if dialog.is_user)
    assert bot.entity.bot and bot.entity.id == sandbox.install["bot_id"]
    assert [message.text for message in await client.get_messages(bot.entity)] == ["/start"]


async def test_folders(sandbox: Sandbox, connect: Connect) -> None:
    """Chat folders name channels by input peers."""
    client = await connect("anna")
    found = await client(functions.messages.GetDialogFiltersRequest())
    folder = next(each for each in found.filters if isinstance(each, types.DialogFilter))
    assert folder.title.text == "Новости"
    assert await client.get_entity(folder.include_peers[0])


async def test_history_pages_newest_first_and_back(sandbox: Sandbox, connect: Connect) -> None:
    """Every id comes once in both directions, and windows respect their bounds."""
    _long_channel(sandbox, 350)
    client = await connect("anna")
    ids = [message.id async for message in client.iter_messages("long_channel", wait_time=0)]
    assert ids == list(range(350, 0, -1))
    risen = [message.id async for message in client.iter_messages("long_channel", reverse=True, wait_time=0)]
    assert risen == list(range(1, 351))
    part = await client.get_messages("long_channel", min_id=100, max_id=106, limit=50)
    assert [message.id for message in part] == [105, 104, 103, 102, 101]
    older = await client.get_messages("long_channel", offset_id=51, limit=3)
    assert [message.id for message in older] == [50, 49, 48]


async def test_history_by_date(sandbox: Sandbox, connect: Connect) -> None:
    """offset_date gives what was posted before it."""
    channel = _long_channel(sandbox, 50)
    client = await connect("anna")
    moment = sandbox.channels.posts[channel][30].date
    [found] = await client.get_messages("long_channel", offset_date=moment, limit=1)
    assert found.id == 29


async def test_deleted_posts_are_gaps(sandbox: Sandbox, connect: Connect) -> None:
    """A deleted id is served nowhere."""
    channel = _long_channel(sandbox, 10)
    sandbox.channels.delete(sandbox.channels.get(channel), [4, 5])
    client = await connect("anna")
    ids = [message.id for message in await client.get_messages("long_channel", limit=20)]
    assert ids == [10, 9, 8, 7, 6, 3, 2, 1]
    assert [message and message.id for message in await client.get_messages("long_channel", ids=[3, 4])] == [
        3,
        None,
    ]


async def test_seeded_posts_carry_what_happened_to_them(sandbox: Sandbox, connect: Connect) -> None:
    """Edits, forwards and albums are visible as Telegram shows them."""
    client = await connect("anna")
    dialogs = await client.get_dialogs()
    messages = [message for each in dialogs for message in await client.get_messages(each.entity, limit=100)]
    assert any(message.edit_date for message in messages)
    assert any(message.fwd_from and message.fwd_from.channel_post for message in messages)
    albums = [message.grouped_id for message in messages if message.grouped_id]
    assert len(albums) > len(set(albums)) > 0
    assert all(message.photo for message in messages if message.grouped_id)


async def test_links_are_entities_in_utf16_units(sandbox: Sandbox, connect: Connect) -> None:
    """A link after an emoji is cut out of the text exactly."""
    sandbox.channels.publish(sandbox.channels.get("lumsk_news"), "🎈 смотрите https://example.com/a.")
    client = await connect("anna")
    [message] = await client.get_messages("lumsk_news", limit=1)
    [(_, link)] = message.get_entities_text()
    assert link == "https://example.com/a"


async def test_search_in_a_channel(sandbox: Sandbox, connect: Connect) -> None:
    """Substring search within one channel."""
    _long_channel(sandbox, 120)
    client = await connect("anna")
    found = await client.get_messages("long_channel", search="POST 11", limit=50)
    assert sorted(message.id for message in found) == [11, *range(110, 120)]


async def test_names_resolve_to_what_they_name(sandbox: Sandbox, connect: Connect) -> None:
    """A channel, a group, a person, the bot, nobody."""
    client = await connect("anna")
    assert (await client.get_entity("LUMSK_NEWS")).broadcast
    group = next(channel for channel in sandbox.channels.by_id.values() if channel.megagroup)
    assert (await client.get_entity(group.username)).megagroup
    assert isinstance(await client.get_entity("max_keller"), types.User)
    assert (await client.get_entity(sandbox.install["bot_username"])).bot
    with pytest.raises(errors.UsernameNotOccupiedError):
        await client(functions.contacts.ResolveUsernameRequest("nobody_is_this"))
    with pytest.raises(errors.UsernameInvalidError):
        await client(functions.contacts.ResolveUsernameRequest("ab"))


async def test_search_for_public_channels(sandbox: Sandbox, connect: Connect) -> None:
    """contacts.search tells one's own channels from others."""
    client = await connect("anna")
    found = await client(functions.contacts.SearchRequest("slow python", 10))
    assert [chat.username for chat in found.chats] == ["slow_python"]
    assert found.results and not found.my_results


async def _input_channel(client: Any, title: str) -> types.InputPeerChannel:
    return next(dialog.input_entity for dialog in await client.get_dialogs() if title in dialog.name)


async def test_another_accounts_access_hash_opens_nothing(sandbox: Sandbox, connect: Connect) -> None:
    """Access hashes are each account's own; private channels stay private."""
    max_client, anna_client = await connect("max"), await connect("anna")
    private = await _input_channel(max_client, "Petrel")
    assert await max_client.get_messages(private, limit=1)
    with pytest.raises(errors.ChannelInvalidError):
        await anna_client.get_messages(private, limit=1)
    own = types.InputPeerChannel(
        private.channel_id,
        sandbox.world.access_hash(sandbox.phone("anna").person.id, "channel", private.channel_id),
    )
    with pytest.raises(errors.ChannelPrivateError):
        await anna_client.get_messages(own, limit=1)


async def test_invite_links(sandbox: Sandbox, connect: Connect) -> None:
    """A private channel can be looked at and joined by its invite."""
    client = await connect("anna")
    channel = sandbox.channels.get("max_boat")
    invite = await client(functions.messages.CheckChatInviteRequest(channel.invite))
    assert isinstance(invite, types.ChatInvite) and invite.title == channel.title
    await client(functions.messages.ImportChatInviteRequest(channel.invite))
    assert (await client.get_entity(f"https://t.me/+{channel.invite}")).id == channel.id


async def test_history_speed(sandbox: Sandbox, connect: Connect) -> None:
    """The server is never the slow part: hundreds of messages a second, however busy the machine."""
    _long_channel(sandbox, 3000)
    client = await connect("anna")
    peer = await client.get_input_entity("long_channel")
    started, offset, count = time.perf_counter(), 0, 0
    while True:
        page = await client(functions.messages.GetHistoryRequest(peer, offset, None, 0, 100, 0, 0, 0))
        if not page.messages:
            break
        count, offset = count + len(page.messages), page.messages[-1].id
    assert count == 3000
    assert count / (time.perf_counter() - started) > 200
