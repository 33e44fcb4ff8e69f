"""The client's limits: what it never sends, when it waits, and that it stops with its lease."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from telethon.errors import FloodWaitError, UnauthorizedError
from telethon.tl import functions, types

from ingest.client import ALLOWED, Client, RequestRefused, method_name, new_client, trust_key
from ingest.session_errors import SessionEnded
from sandbox.control import Sandbox
from sandbox.faults import flood_wait
from tg_assistant.settings.groups import Settings


class Fence:
    open = True


@pytest.fixture
def fence() -> Fence:
    return Fence()


@pytest.fixture
async def client(ingest_settings: Settings, fence: Fence) -> AsyncIterator[Client]:
    """A client with a fresh key, connected."""
    trust_key(ingest_settings.telegram)
    made = new_client(ingest_settings, None, left=lambda: 60.0 * fence.open)
    await made.connect()
    yield made
    await made.close()


def export(settings: Settings) -> functions.auth.ExportLoginTokenRequest:
    telegram = settings.telegram
    return functions.auth.ExportLoginTokenRequest(telegram.api_id, telegram.api_hash.get_secret_value(), [])


async def test_requests_outside_the_list_never_leave(client: Client) -> None:
    """Sending, joining and deleting are refused before the network, in a list of requests too."""
    me = types.InputPeerSelf()
    forbidden = [
        functions.messages.SendMessageRequest(me, "hello"),
        functions.channels.JoinChannelRequest(types.InputChannelEmpty()),
        functions.account.DeleteAccountRequest("because"),
        [functions.help.GetConfigRequest(), functions.messages.DeleteHistoryRequest(me, 0)],
    ]
    for request in forbidden:
        with pytest.raises(RequestRefused):
            await client(request)


LOGIN = {
    functions.account.GetPasswordRequest,
    functions.auth.CheckPasswordRequest,
    functions.auth.ExportLoginTokenRequest,
    functions.auth.ImportLoginTokenRequest,
    functions.auth.LogOutRequest,
}


def test_the_list_is_short() -> None:
    """At most twenty reads besides connecting and logging out; nothing in it writes for the person."""
    assert ALLOWED >= LOGIN
    assert len(ALLOWED - LOGIN) <= 20
    reads = {method_name(kind.__new__(kind)).rpartition(".")[2] for kind in ALLOWED - LOGIN}
    assert {name for name in reads if not name.startswith(("get", "resolve", "check"))} == set()
    assert method_name(functions.help.GetConfigRequest()) == "help.getConfig"


async def test_a_flood_wait_is_not_called_into(
    client: Client, sandbox: Sandbox, ingest_settings: Settings
) -> None:
    """The second call is refused here, with the seconds left; the wait is handed over to be kept."""
    kept: list[tuple[str, int]] = []

    async def keep(method: str, seconds: int) -> None:
        kept.append((method, seconds))

    client.on_wait = keep
    sandbox.fail("auth.exportLoginToken", flood_wait(60))
    for _ in range(3):
        with pytest.raises(FloodWaitError) as wait:
            await client(export(ingest_settings))
        assert 55 < wait.value.seconds <= 60
    assert kept == [("auth.exportLoginToken", 60)]


async def test_nothing_is_sent_after_the_lease(
    client: Client, fence: Fence, ingest_settings: Settings
) -> None:
    """Once the fence is closed a request fails and the connection does not come back."""
    fence.open = False
    with pytest.raises(ConnectionError):
        await client(export(ingest_settings))
    assert not client.is_connected()


async def test_telegram_ends_the_connection_with_the_lease(
    ingest_settings: Settings, sandbox: Sandbox
) -> None:
    """Renewed, it lives on; a process that does nothing any more cannot close it, so Telegram does."""
    trust_key(ingest_settings.telegram)
    until = time.monotonic() + 4
    owner = new_client(ingest_settings, None, left=lambda: max(0.0, until - time.monotonic()))
    await owner.connect()
    [connection] = sandbox.server.connections
    for _ in range(6):
        await asyncio.sleep(1)
        until = time.monotonic() + 4
    assert not connection.closed.is_set()
    await asyncio.sleep(1)
    owner._untie()  # as if the process were stopped right after it told Telegram
    async with asyncio.timeout(60):
        await connection.closed.wait()
    assert time.monotonic() < until + 1
    await owner.close()


async def test_an_ended_session_is_asked_once(client: Client, sandbox: Sandbox) -> None:
    """After AUTH_KEY_UNREGISTERED nothing more is sent on this session."""
    client.logged_in = True
    for _ in range(3):
        with pytest.raises((UnauthorizedError, SessionEnded), match=r"UNREGISTERED|not registered"):
            await client(functions.updates.GetStateRequest())
    assert client.why_ended() == "AUTH_KEY_UNREGISTERED"
