"""Faults a test can ask for, and misbehaviour the sandbox notices."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from telethon import TelegramClient, errors
from telethon.network import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
from telethon.network.connection.tcpintermediate import RandomizedIntermediatePacketCodec
from telethon.sessions import StringSession
from telethon.tl import functions
from telethon.tl.types import ChannelMessagesFilterEmpty, InputStickerSetEmpty

from sandbox.control import Sandbox, run_sandbox
from sandbox.faults import DROP, flood_wait
from tests.sandbox.conftest import Connect, make_client
from tests.sandbox.test_live import Heard, until


class ConnectionTcpPadded(ConnectionTcpObfuscated):
    """Telethon's padded codec inside obfuscation, as it uses it with proxies."""

    packet_codec = RandomizedIntermediatePacketCodec


@pytest.mark.parametrize(
    "transport",
    [
        ConnectionTcpAbridged,
        ConnectionTcpIntermediate,
        ConnectionTcpFull,
        ConnectionTcpObfuscated,
        ConnectionTcpPadded,
    ],
)
async def test_every_transport_carries_a_login_and_history(connect: Connect, transport: type) -> None:
    """Handshake, containers and gzipped answers work over each."""
    client = await connect("anna", connection=transport)
    assert len(await client.get_messages("lumsk_news", limit=50)) == 50


async def test_flood_wait_is_served_and_remembered(sandbox: Sandbox, connect: Connect) -> None:
    """The wait is told once; after it has passed the call works."""
    client = await connect("anna")
    peer = await client.get_input_entity("lumsk_news")
    sandbox.fail("messages.getHistory", flood_wait(17))
    with pytest.raises(errors.FloodWaitError) as raised:
        await client.get_messages(peer, limit=1)
    assert raised.value.seconds == 17
    sandbox.shift_clock(17)
    client._flood_waited_requests.clear()
    assert await client.get_messages(peer, limit=1)


async def test_a_call_before_the_wait_has_passed_is_a_violation(sandbox: Sandbox, connect: Connect) -> None:
    """Impatience is answered with the rest of the wait and noted."""
    client = await connect("anna")
    peer = await client.get_input_entity("lumsk_news")
    sandbox.fail("messages.getHistory", flood_wait(17))
    for _ in range(2):
        client._flood_waited_requests.clear()
        with pytest.raises(errors.FloodWaitError):
            await client.get_messages(peer, limit=1)
    [noted] = sandbox.violations
    assert (noted["kind"], noted["method"]) == ("early_call", "messages.getHistory")
    sandbox.violations.clear()


async def test_an_unknown_rpc_is_refused_and_noted(sandbox: Sandbox, connect: Connect) -> None:
    """What the sandbox lacks fails the test that asked for it."""
    client = await connect("anna")
    with pytest.raises(errors.InputMethodInvalidError):
        await client(functions.messages.GetStickerSetRequest(_any_stickers(), 0))
    assert [each["method"] for each in sandbox.violations] == ["messages.getStickerSet"]
    sandbox.violations.clear()


def _any_stickers() -> InputStickerSetEmpty:
    return InputStickerSetEmpty()


async def test_a_dropped_connection_is_opened_again(sandbox: Sandbox, connect: Connect) -> None:
    """Reconnecting on the same key is not an overlap."""
    client = await connect("anna")
    for _ in range(5):
        sandbox.drop_connections()
        assert await client.get_me()
    assert list(sandbox.violations) == []


async def test_a_connection_ends_when_its_pings_do(connect: Connect) -> None:
    """ping_delay_disconnect: each one begins the delay anew, no other message does; then Telegram closes."""
    client = await connect("anna", auto_reconnect=False)
    await client._sender.send(functions.PingDelayDisconnectRequest(1, 1))
    await client._sender.send(functions.PingDelayDisconnectRequest(2, 3))
    await asyncio.sleep(2)
    assert client.is_connected()
    await client._sender.send(functions.PingRequest(3))
    await until(lambda: not client.is_connected())


async def test_a_call_cut_off_is_repeated(sandbox: Sandbox, connect: Connect) -> None:
    """A connection that breaks instead of answering costs nothing."""
    client = await connect("anna")
    peer = await client.get_input_entity("lumsk_news")
    sandbox.fail("messages.getHistory", DROP)
    assert len(await client.get_messages(peer, limit=2)) == 2


async def test_an_answer_can_be_late(sandbox: Sandbox, connect: Connect) -> None:
    """A delayed answer does not hold up others."""
    client = await connect("anna")
    peer = await client.get_input_entity("lumsk_news")
    sandbox.delay("messages.getHistory", 3)
    started = time.perf_counter()
    slow = asyncio.ensure_future(client.get_messages(peer, limit=1))
    await client.get_me()
    assert time.perf_counter() - started < 2.5
    assert await slow and time.perf_counter() - started >= 3


async def test_unreachable_telegram(sandbox: Sandbox) -> None:
    """While Telegram is down nobody connects; afterwards everybody does."""
    await sandbox.unreachable()
    client = make_client(sandbox, connection_retries=1)
    with pytest.raises(ConnectionError):
        await client.connect()
    await sandbox.reachable()
    await client.connect()
    await client.disconnect()


async def test_terminating_a_device_logs_it_out(sandbox: Sandbox, connect: Connect) -> None:
    """The client learns it without asking; later calls say AUTH_KEY_UNREGISTERED."""
    client = await connect("anna")
    [session] = sandbox.phone("anna").sessions()
    sandbox.phone("anna").terminate(session)
    with pytest.raises(errors.AuthKeyUnregisteredError):
        await client(functions.updates.GetStateRequest())
    assert await client.get_me() is None
    # a client that goes on asking is noted, which this plain one does
    assert {each["kind"] for each in sandbox.violations} <= {"call_after_end"}
    sandbox.violations.clear()


async def test_a_running_reader_stops_when_terminated(sandbox: Sandbox, connect: Connect) -> None:
    """A client whose update loop began logged in disconnects itself, keeping the cause."""
    first = await connect("anna")
    saved = StringSession(first.session.save())
    await first.disconnect()
    client = make_client(sandbox, saved)
    await client.connect()
    sandbox.revoke("anna", "SESSION_REVOKED")
    await until(lambda: not client.is_connected())
    assert isinstance(client._updates_error, errors.SessionRevokedError)


async def test_two_connections_on_one_key_destroy_it(sandbox: Sandbox, connect: Connect) -> None:
    """An overlap is noted and both ends get AUTH_KEY_DUPLICATED."""
    first = await connect("anna")
    second = make_client(sandbox, StringSession(first.session.save()))
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await second.connect()
        await second(functions.updates.GetStateRequest())
    with pytest.raises((errors.AuthKeyDuplicatedError, ConnectionError)):
        await first(functions.updates.GetStateRequest())
    assert {each["kind"] for each in sandbox.violations} - {"call_after_end"} == {"overlap"}
    sandbox.violations.clear()
    await second.disconnect()


async def test_a_key_used_elsewhere_is_dead(sandbox: Sandbox, connect: Connect) -> None:
    """The fault without the overlap: every call answers 406."""
    client = await connect("anna")
    sandbox.duplicate_key("anna")
    with pytest.raises(errors.AuthKeyDuplicatedError):
        await client(functions.help.GetConfigRequest())


async def test_an_unknown_key_is_a_transport_error(
    sandbox: Sandbox, tmp_path: Path, connect: Connect
) -> None:
    """A key from another world is answered −404."""
    saved = StringSession((await connect("anna")).session.save())
    async with run_sandbox(tmp_path / "other", seed=False) as other:
        saved.set_dc(2, "127.0.0.1", other.mtproto_port)
        client = make_client(other, saved, connection_retries=1)
        with pytest.raises(errors.AuthKeyNotFound):
            await client.connect()


async def test_production_refuses_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENVIRONMENT=production never gets a pretend Telegram."""
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(RuntimeError, match="production"):
        async with run_sandbox(tmp_path):
            pass


async def test_it_listens_on_this_machine_only(sandbox: Sandbox) -> None:
    """Every port is bound to loopback."""
    addresses = [socket.getsockname()[0] for server in sandbox.server._servers for socket in server.sockets]
    addresses += [runner.addresses[0][0] for runner in sandbox._runners]
    assert set(addresses) == {"127.0.0.1"}
    assert isinstance(make_client(sandbox), TelegramClient)


async def test_a_history_answer_can_be_empty_or_short(sandbox: Sandbox, connect: Connect) -> None:
    """Telegram answers so now and then though the posts are there; asked by id it shows them."""
    client = await connect("anna")
    peer = await client.get_input_entity("lumsk_news")
    request = functions.messages.GetHistoryRequest(peer, 0, None, 0, 10, 0, 0, 0)
    sandbox.cut("messages.getHistory", keep=0)
    assert (await client(request)).messages == []
    sandbox.cut("messages.getHistory", keep=3, times=2)
    assert [len((await client(request)).messages) for _ in range(3)] == [3, 3, 10]
    newest = sandbox.channels.get("lumsk_news").top_id
    sandbox.cut("messages.getHistory", keep=0)
    assert (await client.get_messages("lumsk_news", ids=[newest]))[0].id == newest


async def test_a_push_can_get_lost(sandbox: Sandbox, connect: Connect) -> None:
    """The client hears nothing of an edit, until the channel's next post shows the gap."""
    client = await connect("anna")
    heard = Heard(client)
    channel = sandbox.channels.get("lumsk_news")
    post = sandbox.channels.publish(channel, "Снег")
    await until(lambda: heard)
    sandbox.lose_pushes(1)
    sandbox.channels.edit(channel, post.id, "Дождь")
    await asyncio.sleep(0.3)
    assert heard == [("new", "Снег")]
    difference = functions.updates.GetChannelDifferenceRequest(
        await client.get_input_entity("lumsk_news"), ChannelMessagesFilterEmpty(), channel.pts - 1, 100
    )
    [missed] = (await client(difference)).other_updates
    assert missed.message.message == "Дождь"


async def test_a_reaction_is_a_hidden_edit(sandbox: Sandbox, connect: Connect) -> None:
    """Its edit date is not shown to readers; that of a post that was edited before stays and is shown."""
    client = await connect("anna")
    channel = sandbox.channels.get("lumsk_news")
    fresh = sandbox.channels.publish(channel, "Снег")
    edited = sandbox.channels.edit(channel, sandbox.channels.publish(channel, "Лёд").id, "Лёд!")
    at = edited.edit_date
    for post in (fresh, edited):
        sandbox.channels.react(channel, post.id)
        sandbox.channels.react(channel, post.id)
    first, second = await client.get_messages("lumsk_news", ids=[fresh.id, edited.id])
    assert first.edit_hide and first.edit_date
    assert not second.edit_hide and int(second.edit_date.timestamp()) == at
    assert [each.count for each in first.reactions.results] == [2]
    sandbox.channels.edit(channel, fresh.id, "Снег!")
    [again] = await client.get_messages("lumsk_news", ids=[fresh.id])
    assert not again.edit_hide
