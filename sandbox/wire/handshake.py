"""The server's side of the creation of an authorisation key.

Source: https://core.telegram.org/mtproto/auth_key; Telethon still uses the old encryption of the first step
(SHA-1, data, padding), so the RSA here is raw.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
from collections.abc import Callable
from hashlib import sha1
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from telethon import helpers
from telethon.crypto import AES, AuthKey
from telethon.extensions import BinaryReader
from telethon.tl import functions
from telethon.tl.tlobject import TLObject

from sandbox.prime import DH_G, DH_PRIME
from sandbox.tl import types


class RsaKey:
    """Raw RSA by the Chinese remainder theorem, and the fingerprint by which clients select the key."""

    def __init__(self, key: RSAPrivateKey) -> None:
        numbers = key.private_numbers()
        self._p, self._q = numbers.p, numbers.q
        self._dp, self._dq, self._qinv = numbers.dmp1, numbers.dmq1, numbers.iqmp
        public = numbers.public_numbers
        packed = b"".join(
            TLObject.serialize_bytes(number.to_bytes((number.bit_length() + 7) // 8, "big"))
            for number in (public.n, public.e)
        )
        (self.fingerprint,) = struct.unpack("<q", sha1(packed).digest()[-8:])  # noqa: S324 the protocol's own  # nosec B324

    def decrypt(self, block: bytes) -> bytes:
        number = int.from_bytes(block, "big")
        low = pow(number, self._dq, self._q)
        high = (pow(number, self._dp, self._p) - low) * self._qinv % self._p
        return (low + high * self._q).to_bytes(256, "big")


class Handshake:
    """One connection's key exchange; `done` is called with the 256 bytes of the key."""

    def __init__(self, rsa_key: RsaKey, done: Callable[[bytes], None]) -> None:
        self._rsa, self._done = rsa_key, done
        self._nonce = self._server_nonce = self._new_nonce = self._secret = 0

    def answer(self, request: Any) -> TLObject:
        """The answer to an unencrypted request. Raises ConnectionError for an invalid one."""
        if isinstance(request, functions.ReqPqMultiRequest | functions.ReqPqRequest):
            return self._pq(request)
        if isinstance(request, functions.ReqDHParamsRequest):
            return self._dh_params(request)
        if isinstance(request, functions.SetClientDHParamsRequest):
            return self._finish(request)
        raise ConnectionError(f"{type(request).__name__} in plain text")

    def _pq(self, request: Any) -> TLObject:
        self._nonce = request.nonce
        self._server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
        # small factors, because a hard factorisation would test nothing; eight bytes keep the sign bit clear
        pq = secrets.choice(_PRIMES) * secrets.choice(_PRIMES)
        return types.ResPQ(self._nonce, self._server_nonce, pq.to_bytes(8, "big"), [self._rsa.fingerprint])

    def _dh_params(self, request: Any) -> TLObject:
        if request.public_key_fingerprint != self._rsa.fingerprint:
            raise ConnectionError("unknown RSA key")
        inner: Any = BinaryReader(self._rsa.decrypt(request.encrypted_data)[21:]).tgread_object()
        if inner.nonce != self._nonce or inner.server_nonce != self._server_nonce:
            raise ConnectionError("wrong nonce")
        self._new_nonce = inner.new_nonce
        self._secret = secrets.randbits(256) | 1 << 255
        g_a = pow(DH_G, self._secret, DH_PRIME)
        answer = bytes(
            types.ServerDHInnerData(
                nonce=self._nonce,
                server_nonce=self._server_nonce,
                g=DH_G,
                dh_prime=DH_PRIME.to_bytes(256, "big"),
                g_a=g_a.to_bytes(256, "big"),
                server_time=int(time.time()),
            )
        )
        answer = sha1(answer).digest() + answer  # noqa: S324 the protocol's own  # nosec B324
        answer += os.urandom(-len(answer) % 16)
        return types.ServerDHParamsOk(
            self._nonce, self._server_nonce, AES.encrypt_ige(answer, *self._temporary_key())
        )

    def _finish(self, request: Any) -> TLObject:
        plain = AES.decrypt_ige(request.encrypted_data, *self._temporary_key())
        inner: Any = BinaryReader(plain[20:]).tgread_object()
        if inner.nonce != self._nonce:
            raise ConnectionError("wrong nonce")
        shared = pow(int.from_bytes(inner.g_b, "big"), self._secret, DH_PRIME).to_bytes(256, "big")
        key = AuthKey(shared)
        if shared[0] == 0:
            # Telethon drops leading zeros that the protocol keeps; DhGenRetry makes it start again
            return types.DhGenRetry(
                self._nonce, self._server_nonce, key.calc_new_nonce_hash(self._new_nonce, 2)
            )
        self._done(shared)
        return types.DhGenOk(self._nonce, self._server_nonce, key.calc_new_nonce_hash(self._new_nonce, 1))

    def _temporary_key(self) -> tuple[bytes, bytes]:
        return helpers.generate_key_data_from_nonce(self._server_nonce, self._new_nonce)


def _is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2))


_PRIMES = [number for number in range(1_000_003, 1_000_403, 2) if _is_prime(number)]
