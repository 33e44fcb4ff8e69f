"""The only Telegram client there is: unmodified Telethon with less power and more care.

It sends the few requests the product needs and no other, waits as long as Telegram asked, stops with its
lease, and says nothing more once Telegram has ended the session. A process that is stopped keeps its sockets
open, so Telegram is told with each renewal to end the connection with the lease: the next owner would
otherwise be a second connection on one key, which destroys the key.
"""

import asyncio
import math
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib.metadata import version
from typing import Any, cast

from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.errors import FloodWaitError
from telethon.network.connection.tcpfull import ConnectionTcpFull
from telethon.sessions import StringSession
from telethon.tl.functions import (
    PingDelayDisconnectRequest,
    account,
    auth,
    channels,
    contacts,
    messages,
    updates,
    users,
)
from telethon.tl.functions import help as help_

from ingest.session_errors import ENDED, SessionEnded, ended_by
from tg_assistant.infra import metrics
from tg_assistant.settings.groups import Settings, TelegramSettings

DEVICE = "Telegram Assistant"
HOST_LABEL = "self-hosted"
ASK_SECONDS = 15.0
_CLOSE_SECONDS = 2.0
_LOOK_SECONDS = 0.5  # whether the lease was renewed; much shorter than the lease's margin
_CONNECTING_SECONDS = 0.02
_HOME_DC = 2

# Reads, and what connecting and logging out take. Everything else Telethon could send is refused.
ALLOWED = frozenset(
    {
        account.GetPasswordRequest,
        auth.CheckPasswordRequest,
        auth.ExportLoginTokenRequest,
        auth.ImportLoginTokenRequest,
        auth.LogOutRequest,
        channels.GetChannelsRequest,
        channels.GetFullChannelRequest,
        channels.GetMessagesRequest,
        contacts.ResolveUsernameRequest,
        help_.GetConfigRequest,
        messages.CheckChatInviteRequest,
        messages.GetDialogFiltersRequest,
        messages.GetDialogsRequest,
        messages.GetHistoryRequest,
        messages.GetPeerDialogsRequest,
        messages.GetPinnedDialogsRequest,
        updates.GetChannelDifferenceRequest,
        updates.GetDifferenceRequest,
        updates.GetStateRequest,
        users.GetUsersRequest,
    }
)


class RequestRefused(Exception):
    """A request outside ALLOWED: a programming error, stopped before the network."""


class FenceClosed(ConnectionError):
    """The lease is over, so nothing may be sent on this key any more."""


def method_name(request: Any) -> str:
    """Telegram's name of a request: GetHistoryRequest → messages.getHistory."""
    kind = type(request)
    name = kind.__name__.removesuffix("Request")
    return f"{kind.__module__.rpartition('.')[2]}.{name[:1].lower()}{name[1:]}"


class Client(TelegramClient):
    """`left()`: the lease's seconds, 0 for none; `on_wait(method, seconds)` keeps a FLOOD_WAIT for later."""

    def __init__(self, session: StringSession, settings: Settings, *, left: Callable[[], float]) -> None:
        telegram = settings.telegram
        super().__init__(
            session,
            telegram.api_id,
            telegram.api_hash.get_secret_value(),
            connection=_fenced(left),
            device_model=DEVICE,
            system_version=HOST_LABEL,
            app_version=version("tg-assistant"),
            flood_sleep_threshold=0,
            request_retries=2,
            connection_retries=3,
            raise_last_call_error=True,
        )
        self._stored, self._left = session, left
        self._tying: asyncio.Task[None] | None = None
        self._told = 0.0  # what was left of the lease as Telegram knows it, counted down
        self._waits: dict[str, float] = {}
        self.ended_reason: str | None = None
        self.logged_in = False  # from then on an ended session is final
        self.on_wait: Callable[[str, int], Awaitable[None]] | None = None
        self.on_reconnect: Callable[[], None] | None = None

    async def connect(self) -> None:
        """Connect under the lease. Raises FenceClosed without one."""
        self._untie()
        self._told = 0.0
        self._tying = asyncio.create_task(self._tie())
        await super().connect()

    async def _disconnect(self) -> None:
        self._untie()
        await super()._disconnect()

    def _untie(self) -> None:
        if self._tying is not None:
            self._tying.cancel()

    async def _tie(self) -> None:
        """Tell Telegram of each renewal; as soon as it is connected, too: until then nothing would end it."""
        while True:
            self._tell()
            await asyncio.sleep(_LOOK_SECONDS if self._told else _CONNECTING_SECONDS)

    def _tell(self) -> None:
        left = self._left()
        if left > self._told and left >= 1 and self._sender._transport_connected():
            with suppress(ConnectionError):  # raised while there is no connection
                # the next one of its kind replaces it, says core.telegram.org/mtproto/service_messages
                ping = PingDelayDisconnectRequest(secrets.randbits(63), int(left))
                pong = cast("asyncio.Future[Any]", self._sender.send(ping))
                # nobody waits for it
                pong.add_done_callback(lambda done: done.cancelled() or done.exception())
                self._told = left
        self._told = min(self._told, left)

    async def ask(self, request: Any) -> Any:
        """A request with a time-out: Telethon's own waits are endless."""
        async with asyncio.timeout(ASK_SECONDS):
            return await self(request)

    def wait_for(self, method: str, seconds: float) -> None:
        """Send no `method` for so long."""
        self._waits[method] = time.monotonic() + seconds

    async def _call(
        self, sender: Any, request: Any, ordered: bool = False, flood_sleep_threshold: int | None = None
    ) -> Any:
        for one in request if isinstance(request, (list, tuple)) else [request]:
            self._check(one)
        try:
            return await super()._call(sender, request, ordered, flood_sleep_threshold)
        except FloodWaitError as wait:
            await self._flooded(method_name(request), wait.seconds)
            raise
        except ENDED as error:
            if self.logged_in:
                self.ended_reason = ended_by(error)
            raise

    def _check(self, request: Any) -> None:
        if type(request) not in ALLOWED:
            raise RequestRefused(method_name(request))
        if self.ended_reason:
            raise SessionEnded(self.ended_reason)
        left = self._waits.get(method_name(request), 0.0) - time.monotonic()
        if left > 0:
            raise FloodWaitError(request, capture=math.ceil(left))

    async def _flooded(self, method: str, seconds: int) -> None:
        if self._waits.get(method, 0.0) > time.monotonic():
            return  # our own refusal, already kept
        self.wait_for(method, seconds)
        metrics.telethon_floodwait_total.inc()
        metrics.telethon_floodwait_seconds_total.inc(seconds)
        if self.on_wait:
            await self.on_wait(method, seconds)

    async def _handle_auto_reconnect(self) -> None:
        self._told = 0.0
        self._tell()
        await super()._handle_auto_reconnect()
        if self.on_reconnect:
            self.on_reconnect()

    def server_now(self) -> float:
        """Unix time on Telegram's clock."""
        return time.time() + self._sender._state.time_offset

    def why_ended(self) -> str | None:
        """Why Telegram ended the session, once it did; the update loop keeps its own reason."""
        return self.ended_reason or (ended_by(self._updates_error) if self._updates_error else None)

    async def close(self) -> None:
        """Disconnect within two seconds; after that the socket is cut."""
        self._untie()
        connection = getattr(self._sender, "_connection", None)
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.disconnect()  # type: ignore[arg-type]
        if writer := getattr(connection, "_writer", None):
            writer.transport.abort()

    def saved(self) -> bytes:
        """Data centre and auth key, to be sealed."""
        return self._stored.save().encode()


def _fenced(left: Callable[[], float]) -> type[ConnectionTcpFull]:
    """A connection that neither opens nor sends once the lease is over, whoever asks (pings included)."""

    class Fenced(ConnectionTcpFull):
        async def connect(self, timeout: float | None = None, ssl: Any = None) -> None:  # noqa: ASYNC109 - Telethon's
            if not left():
                raise FenceClosed
            await super().connect(timeout=timeout, ssl=ssl)

        async def send(self, data: bytes) -> None:
            if not left():
                raise FenceClosed
            await super().send(data)

    return Fenced


def new_client(settings: Settings, session: bytes | None, *, left: Callable[[], float]) -> Client:
    """A client for a saved session, or (None) for a key yet to be made; not connected.

    The settings' address is the home data centre's. An account of another one keeps the address in its
    session: Telegram itself gave it, and the settings know none for it (the sandbox keeps that port, too).
    """
    stored = StringSession(session.decode() if session else "")
    telegram = settings.telegram
    home = telegram.dc_id or _HOME_DC
    if telegram.dc_host and stored.dc_id in (0, home):
        stored.set_dc(home, telegram.dc_host, telegram.dc_port or 443)
    Client._config = None  # a process-wide cache of addresses, which change with the settings
    return Client(stored, settings, left=left)


def trust_key(telegram: TelegramSettings) -> None:
    """Trust another Telegram's RSA key instead of the built-in ones, where the settings name one."""
    if telegram.rsa_key_file:
        rsa._server_keys.clear()
        rsa.add_key(telegram.rsa_key_file.read_text(), old=False)
