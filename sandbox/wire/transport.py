"""Telegram's TCP transports, recognised by a connection's first bytes.

Source: https://core.telegram.org/mtproto/mtproto-transports
"""

from __future__ import annotations

import asyncio
import os
import random
import struct
from typing import Protocol
from zlib import crc32

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes


class Source(Protocol):
    """The source that a codec reads from: the socket itself or a deciphered view of it."""

    async def readexactly(self, n: int) -> bytes: ...


class Abridged:
    """The abridged transport: one length byte (in words of four bytes), three more for long packets."""

    async def read(self, source: Source) -> bytes:
        length = (await source.readexactly(1))[0]
        if length >= 0x7F:
            length = int.from_bytes(await source.readexactly(3), "little")
        return await source.readexactly(length << 2)

    def frame(self, payload: bytes) -> bytes:
        words = len(payload) >> 2
        head = bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")
        return head + payload


class Intermediate:
    """The intermediate transport: four length bytes."""

    async def read(self, source: Source) -> bytes:
        (length,) = struct.unpack("<I", await source.readexactly(4))
        return await source.readexactly(length)

    def frame(self, payload: bytes) -> bytes:
        return struct.pack("<I", len(payload)) + payload


class Padded(Intermediate):
    """The padded intermediate transport: up to three random bytes at the end."""

    async def read(self, source: Source) -> bytes:
        packet = await super().read(source)
        return packet[: len(packet) - len(packet) % 4]

    def frame(self, payload: bytes) -> bytes:
        return super().frame(payload + os.urandom(random.randint(0, 3)))  # noqa: S311 padding, not a secret  # nosec B311


class Full:
    """The full transport: length, sequence number and CRC32 around each packet."""

    def __init__(self, first: bytes = b"") -> None:
        self._head = first
        self._sent = 0

    async def read(self, source: Source) -> bytes:
        head = self._head or await source.readexactly(8)
        self._head = b""
        body = await source.readexactly(struct.unpack("<I", head[:4])[0] - 8)
        if struct.unpack("<I", body[-4:])[0] != crc32(head + body[:-4]):
            raise ConnectionError("wrong CRC")
        return body[:-4]

    def frame(self, payload: bytes) -> bytes:
        packet = struct.pack("<II", len(payload) + 12, self._sent) + payload
        self._sent += 1
        return packet + struct.pack("<I", crc32(packet))


Codec = Abridged | Intermediate | Full


class Transport:
    """Reads and writes whole packets over a socket."""

    def __init__(self, source: Source, writer: asyncio.StreamWriter, codec: Codec) -> None:
        self._source, self._writer, self._codec = source, writer, codec
        self._encrypt: CipherContext | None = None

    async def read(self) -> bytes:
        return await self._codec.read(self._source)

    def write(self, payload: bytes) -> None:
        if self._writer.is_closing():
            return
        data = self._codec.frame(payload)
        self._writer.write(self._encrypt.update(data) if self._encrypt else data)

    async def drain(self) -> None:
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


class _Deciphered:
    def __init__(self, reader: asyncio.StreamReader, cipher: CipherContext) -> None:
        self._reader, self._cipher = reader, cipher

    async def readexactly(self, n: int) -> bytes:
        return self._cipher.update(await self._reader.readexactly(n))


async def open_transport(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Transport:
    """Recognise the transport. Raises ConnectionError for an unknown one."""
    first = await reader.readexactly(1)
    if first == b"\xef":
        return Transport(reader, writer, Abridged())
    first += await reader.readexactly(3)
    if first == b"\xee" * 4:
        return Transport(reader, writer, Intermediate())
    if first == b"\xdd" * 4:
        return Transport(reader, writer, Padded())
    first += await reader.readexactly(4)
    if first[4:] == bytes(4):
        return Transport(reader, writer, Full(first))
    return _obfuscated(first + await reader.readexactly(56), reader, writer)


def _obfuscated(header: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Transport:
    decrypt = _ctr(header[8:40], header[40:56])
    tag = decrypt.update(header)[56:60]
    codecs = {b"\xef" * 4: Abridged, b"\xee" * 4: Intermediate, b"\xdd" * 4: Padded}
    if tag not in codecs:
        raise ConnectionError("unknown transport")
    turned = header[55:7:-1]
    transport = Transport(_Deciphered(reader, decrypt), writer, codecs[tag]())
    transport._encrypt = _ctr(turned[:32], turned[32:48])
    return transport


def _ctr(key: bytes, iv: bytes) -> CipherContext:
    return Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
