"""The only Telegram client of the product: a restricted subclass of unmodified Telethon.

It sends only the requests the product needs, waits as long as Telegram demands, stops with its lease, and
sends nothing once Telegram has ended the session. A suspended process holds its sockets open, so each renewal
also asks Telegram to close the connection when the lease ends: otherwise the next owner would open a second
connection with the same key, which destroys the key.
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
from telethon.errors import FloodPremiumWaitError, FloodWaitError
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

from ingest.budget import Budget
from ingest.session_errors import ENDED, SessionEnded, ended_by
from tg_assistant.infra import metrics
from tg_assistant.settings.groups import Settings, TelegramSettings

DEVICE = "Telegram Assistant"
HOST_LABEL = "self-hosted"
ASK_SECONDS = 15.0
_CLOSE_SECONDS = 2.0
_LOOK_SECONDS = 0.5  # between checks whether the lease was renewed; much shorter than the lease's margin
_CONNECTING_SECONDS = 0.02
_HOME_DC = 2

# Reading, connecting and logging out. Every other request of Telethon's is refused.
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
    """A request outside ALLOWED: a programming error; nothing was sent."""


class FenceClosed(ConnectionError):
    """The lease has ended, so nothing more may be sent with this key."""


def _innermost(request: Any) -> Any:
    """The request that `invokeWithLayer` and `initConnection` are wrapped around."""
    while (query := getattr(request, "query", None)) is not None:
        request = query
    return request


def method_name(request: Any) -> str:
    """The name of a request in Telegram's API: GetHistoryRequest → messages.getHistory."""
    kind = type(request)
    name = kind.__name__.removesuffix("Request")
    return f"{kind.__module__.rpartition('.')[2]}.{name[:1].lower()}{name[1:]}"


class Client(TelegramClient):
    """A client under a lease.

    `left()` gives the seconds left of the lease, 0 for none; `on_wait(method, seconds)` stores a FLOOD_WAIT.
    """

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
        self._told = (
            0.0  # seconds until Telegram closes the connection, at most; 0 if it has not been asked to
        )
        self._waits: dict[str, float] = {}
        self.budget: Budget | None = None  # None: of a login, which never waits for one
        self.ended_reason: str | None = None
        self.over = asyncio.Event()  # set with `ended_reason`
        self.answered_at = time.monotonic()
        self.logged_in = False  # True: an ended session is final
        self.on_wait: Callable[[str, int], Awaitable[None]] | None = None
        self.on_reconnect: Callable[[], None] | None = None

    async def connect(self) -> None:
        """Connect under the lease. Raises FenceClosed without one."""
        self._untie()
        self._told = 0.0
        self._tying = asyncio.create_task(self._tie())
        self._check(help_.GetConfigRequest())  # Telethon sends it past `_call`
        try:
            await super().connect()
        except FloodWaitError as wait:
            await self._flooded(method_name(_innermost(wait.request)), wait.seconds)
            raise

    async def _disconnect(self) -> None:
        self._untie()
        await super()._disconnect()

    def _untie(self) -> None:
        if self._tying is not None:
            self._tying.cancel()

    async def _tie(self) -> None:
        """Ask Telegram, once connected and after each renewal, to close the connection with the lease.

        Until the first such request nothing would close it, so connecting is polled for more often.
        """
        while True:
            self._tell()
            await asyncio.sleep(_LOOK_SECONDS if self._told else _CONNECTING_SECONDS)

    def _tell(self) -> None:
        left = self._left()
        if left > self._told and left >= 1 and self._sender._transport_connected():
            with suppress(ConnectionError):  # raised while there is no connection
                # each replaces the previous one: core.telegram.org/mtproto/service_messages
                ping = PingDelayDisconnectRequest(secrets.randbits(63), int(left))
                pong = cast("asyncio.Future[Any]", self._sender.send(ping))
                # nothing awaits it, so retrieve its exception to avoid a warning
                pong.add_done_callback(lambda done: done.cancelled() or done.exception())
                self._told = left
        self._told = min(self._told, left)

    async def ask(self, request: Any) -> Any:
        """Send a request with a time-out: Telethon has none. Raises TimeoutError and Telegram's errors."""
        async with asyncio.timeout(ASK_SECONDS):
            return await self(request)

    def wait_for(self, method: str, seconds: float) -> None:
        """Refuse `method` with FloodWaitError for `seconds`."""
        self._waits[method] = time.monotonic() + seconds

    async def _call(
        self, sender: Any, request: Any, ordered: bool = False, flood_sleep_threshold: int | None = None
    ) -> Any:
        for one in request if isinstance(request, (list, tuple)) else [request]:
            self._check(one)
        try:
            answer = await super()._call(sender, request, ordered, flood_sleep_threshold)
        except (FloodWaitError, FloodPremiumWaitError) as wait:
            await self._flooded(method_name(request), wait.seconds)
            raise FloodWaitError(request, capture=wait.seconds) from wait
        except ENDED as error:
            if self.logged_in and not self.ended_reason:
                self.ended_reason = ended_by(error)
                self.over.set()
            raise
        self.answered_at = time.monotonic()
        return answer

    def _check(self, request: Any) -> None:
        if type(request) not in ALLOWED:
            raise RequestRefused(method_name(request))
        if self.ended_reason:
            raise SessionEnded(self.ended_reason)
        left = self._waits.get(method_name(request), 0.0) - time.monotonic()
        if left > 0:
            raise FloodWaitError(request, capture=math.ceil(left))
        if self.budget:
            self.budget.spend(request)

    async def _flooded(self, method: str, seconds: int) -> None:
        if self._waits.get(method, 0.0) > time.monotonic():
            return  # refused by `_check`, so already stored
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
        """Unix time by Telegram's clock, in seconds."""
        return time.time() + self._sender._state.time_offset

    def why_ended(self) -> str | None:
        """Telegram's reason for ending the session, or None; Telethon's update loop stores its own error."""
        return self.ended_reason or (ended_by(self._updates_error) if self._updates_error else None)

    async def close(self) -> None:
        """Disconnect within two seconds, then abort the socket."""
        self._untie()
        connection = getattr(self._sender, "_connection", None)
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.disconnect()  # type: ignore[arg-type]
        if writer := getattr(connection, "_writer", None):
            writer.transport.abort()

    def saved(self) -> bytes:
        """The session (data centre, its address and auth key) as bytes, to be sealed."""
        return self._stored.save().encode()


def _fenced(left: Callable[[], float]) -> type[ConnectionTcpFull]:
    """A connection class that neither opens nor sends once the lease has ended, not even pings.

    Both raise FenceClosed then.
    """

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
    """A client, not connected, for a saved session, or for a new key if `session` is None.

    The settings' address is the home data centre's. The session of an account in another one has the address
    that Telegram gave, as the settings have none for it (the sandbox keeps its port across restarts, too).
    """
    stored = StringSession(session.decode() if session else "")
    telegram = settings.telegram
    home = telegram.dc_id or _HOME_DC
    if telegram.dc_host and stored.dc_id in (0, home):
        stored.set_dc(home, telegram.dc_host, telegram.dc_port or 443)
    Client._config = None  # Telethon's process-wide cache of addresses; they depend on the settings
    return Client(stored, settings, left=left)


def trust_key(telegram: TelegramSettings) -> None:
    """Trust another Telegram's RSA key instead of the built-in ones, if the settings name one."""
    if telegram.rsa_key_file:
        rsa._server_keys.clear()
        rsa.add_key(telegram.rsa_key_file.read_text(), old=False)
