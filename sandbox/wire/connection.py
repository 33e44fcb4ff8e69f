"""One MTProto connection of a client: receives packets, sends answers and updates."""

from __future__ import annotations

import asyncio
import gzip
import struct
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl.core import GzipPacked, MessageContainer, TLMessage
from telethon.tl.tlobject import TLObject
from telethon.tl.types import BadServerSalt, MsgsAck, NewSessionCreated

from sandbox.wire.envelope import Envelope, open_envelope, seal
from sandbox.wire.handshake import Handshake, RsaKey
from sandbox.wire.service import answer_service
from sandbox.wire.transport import Transport
from sandbox.world.model import AuthKey
from sandbox.world.world import World

log = structlog.get_logger()

KEY_UNKNOWN = struct.pack("<i", -404)
GZIP_ABOVE = 4096  # bytes; smaller answers are not worth compressing
SALT_WRONG = 48
RPC_RESULT = 0xF35C6D01


class Server(Protocol):
    """The server that accepted a connection, as the connection uses it."""

    world: World
    rsa_key: RsaKey
    api: Api
    ports: dict[int, int]

    async def claim(self, connection: Connection) -> None: ...

    def forget(self, connection: Connection) -> None: ...


class Connection:
    """A client's connection. `key` is its AuthKey from the first encrypted packet on."""

    def __init__(self, server: Server, dc_id: int, transport: Transport) -> None:
        self.server, self.dc_id = server, dc_id
        self.key: AuthKey | None = None
        self.no_updates = False
        self._transport = transport
        self._secret = b""
        self._key_id = b""
        self._session_id: int | None = None
        self._last_msg_id = 0
        self._sent = 0
        self._handshake = Handshake(server.rsa_key, self._key_made)
        self._tasks: set[asyncio.Task[None]] = set()
        self._end: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()

    async def run(self) -> None:
        """Serve until the client disconnects or violates the protocol."""
        try:
            while True:
                packet = await self._transport.read()
                if not await self._receive(packet):
                    break
                await self._transport.drain()
        finally:
            self.close()
            for task in self._tasks:
                task.cancel()

    def close(self) -> None:
        """Close the connection; pending answers are lost, as on a real network."""
        if self._end is not None:
            self._end.cancel()
        self._transport.close()
        self.closed.set()
        self.server.forget(self)

    def end_after(self, seconds: float) -> None:
        """Close after `seconds`, unless called again before (ping_delay_disconnect)."""
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(seconds, self.close)

    # --- in

    async def _receive(self, packet: bytes) -> bool:
        if packet[:8] == bytes(8):
            self._plain(packet)
            return True
        if self.key is None and not await self._recognise(packet[:8]):
            self._transport.write(KEY_UNKNOWN)
            await self._transport.drain()
            return False
        envelope = open_envelope(self._secret, packet)
        if envelope.session_id != self._session_id:
            self._session_id = envelope.session_id
            self._sent = 0
            if self._salt_is_right(envelope):
                self._send(NewSessionCreated(envelope.msg_id, envelope.session_id, self._salt()))
        if not self._salt_is_right(envelope):
            self._send(BadServerSalt(envelope.msg_id, envelope.seq_no, SALT_WRONG, self._salt()))
            return True
        self._dispatch(envelope)
        return True

    def _plain(self, packet: bytes) -> None:
        (length,) = struct.unpack_from("<i", packet, 16)
        answer = bytes(self._handshake.answer(BinaryReader(packet[20 : 20 + length]).tgread_object()))
        self.server.world.commit()
        self._transport.write(struct.pack("<qqi", 0, self._msg_id(1), len(answer)) + answer)

    def _key_made(self, secret: bytes) -> None:
        self.server.world.keys.add(secret, self.dc_id)

    async def _recognise(self, key_id: bytes) -> bool:
        key = self.server.world.keys.find(key_id.hex(), self.dc_id)
        if key is None:
            return False
        self.key, self._key_id, self._secret = key, key_id, bytes.fromhex(key.key)
        await self.server.claim(self)
        return True

    def _salt(self) -> int:
        assert self.key is not None
        return self.key.salt

    def _salt_is_right(self, envelope: Envelope) -> bool:
        return envelope.salt == self._salt()

    def _dispatch(self, envelope: Envelope) -> None:
        try:
            body = BinaryReader(envelope.body).tgread_object()
        except TypeNotFoundError as error:
            self.server.world.violations.record("unimplemented", method=f"{error.invalid_constructor_id:08x}")
            return
        for message in _unpack(TLMessage(envelope.msg_id, envelope.seq_no, body)):
            self._handle(message.msg_id, message.obj)

    def _handle(self, msg_id: int, request: Any) -> None:
        reply = answer_service(self, msg_id, request)
        if reply is not None:
            for each in reply:
                self._send(each)
            return
        self._send(MsgsAck([msg_id]))
        task = asyncio.get_running_loop().create_task(self._answer(msg_id, request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, msg_id: int, request: Any) -> None:
        body = await self.server.api(self, request)
        if len(body) > GZIP_ABOVE:
            body = struct.pack("<I", GzipPacked.CONSTRUCTOR_ID) + TLObject.serialize_bytes(
                gzip.compress(body, compresslevel=1)
            )
        self._send_bytes(struct.pack("<Iq", RPC_RESULT, msg_id) + body, kind=1, content=True)

    # --- out

    def push(self, update: TLObject) -> None:
        """Send an unsolicited update, if the client wants updates."""
        if self._session_id is not None and not self.no_updates:
            self._send_bytes(bytes(update), kind=3, content=True)

    @property
    def session_id(self) -> int:
        return self._session_id or 0

    def _send(self, answer: TLObject) -> None:
        self._send_bytes(bytes(answer), kind=1, content=False)

    def _send_bytes(self, body: bytes, *, kind: int, content: bool) -> None:
        if self.closed.is_set():
            return
        # what the client learns from this must survive a kill of the sandbox
        self.server.world.commit()
        seq_no = self._sent * 2 + content
        self._sent += content
        envelope = Envelope(self._salt(), self.session_id, self._msg_id(kind), seq_no, body)
        self._transport.write(seal(self._secret, self._key_id, envelope))

    def _msg_id(self, kind: int) -> int:
        """A time-based, increasing message id; ≡ 1 (mod 4) for answers, ≡ 3 for the server's own messages."""
        fresh = int(time.time() * 2**32) & ~3 | kind
        if fresh <= self._last_msg_id:
            fresh = (self._last_msg_id & ~3) + 4 | kind
        self._last_msg_id = fresh
        return fresh


Api = Callable[[Connection, Any], Awaitable[bytes]]


def _unpack(message: TLMessage) -> list[TLMessage]:
    """The messages in a message, with containers and gzip unpacked."""
    body = message.obj
    if isinstance(body, GzipPacked):
        inner = BinaryReader(body.data).tgread_object()
        return _unpack(TLMessage(message.msg_id, message.seq_no, inner))
    if isinstance(body, MessageContainer):
        return [inner for each in body.messages for inner in _unpack(each)]
    return [message]
