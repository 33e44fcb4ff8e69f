"""MTProto 2.0 encryption, from the server's side.

Source: https://core.telegram.org/mtproto/description
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import sha256

from telethon.crypto import AES


@dataclass(frozen=True)
class Envelope:
    """A decrypted message."""

    salt: int
    session_id: int
    msg_id: int
    seq_no: int
    body: bytes


def _keys(auth_key: bytes, msg_key: bytes, x: int) -> tuple[bytes, bytes]:
    a = sha256(msg_key + auth_key[x : x + 36]).digest()
    b = sha256(auth_key[x + 40 : x + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]


def open_envelope(auth_key: bytes, packet: bytes) -> Envelope:
    """Decrypt and verify a client's packet. Raises ConnectionError if it was not made with this key."""
    msg_key = packet[8:24]
    plain = AES.decrypt_ige(packet[24:], *_keys(auth_key, msg_key, 0))
    if sha256(auth_key[88:120] + plain).digest()[8:24] != msg_key:
        raise ConnectionError("wrong msg_key")
    salt, session_id, msg_id, seq_no, length = struct.unpack_from("<qqqii", plain)
    return Envelope(salt, session_id, msg_id, seq_no, plain[32 : 32 + length])


def seal(auth_key: bytes, key_id: bytes, envelope: Envelope) -> bytes:
    """Encrypt a message of the server's."""
    plain = struct.pack(
        "<qqqii", envelope.salt, envelope.session_id, envelope.msg_id, envelope.seq_no, len(envelope.body)
    )
    plain += envelope.body
    plain += os.urandom(-(len(plain) + 12) % 16 + 12)
    msg_key = sha256(auth_key[96:128] + plain).digest()[8:24]
    return key_id + msg_key + AES.encrypt_ige(plain, *_keys(auth_key, msg_key, 8))
