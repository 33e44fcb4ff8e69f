"""Encryption of what only ingest may read: Telegram sessions, and 2FA passwords on their way to it.

A session's envelope is `v1 | kek_id | wrapped key | nonce | ciphertext`. Its associated data binds tenant,
user, Telegram id and session id, so an envelope copied to another row cannot be opened.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NONCE = 12
_KEY = 32
_WRAPPED = _NONCE + _KEY + 16  # nonce, key, GCM tag
_PUBLIC = 32


class SealBroken(Exception):
    """The envelope cannot be opened: it is another row's, altered, or sealed with a key we do not have."""


class KeyUnknown(SealBroken):
    """The envelope is sealed with a key-encryption key that this process does not have."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"no key-encryption key {key_id!r}")
        self.key_id = key_id


@dataclass(frozen=True)
class Binding:
    """What an envelope is bound to; `session_id` is the id of the row that stores it."""

    tenant_id: UUID
    user_id: UUID
    telegram_id: int
    session_id: UUID

    def data(self) -> bytes:
        """Return 56 bytes; fields of fixed width, so that different bindings never have equal bytes."""
        telegram_id = self.telegram_id.to_bytes(8, "big", signed=True)
        return b"".join((self.tenant_id.bytes, self.user_id.bytes, telegram_id, self.session_id.bytes))


class Keyring:
    """Key-encryption keys by id. New envelopes use the last one; existing ones name theirs.

    `source` reads the keys again, because one may have been added to the key file since the process started.
    """

    def __init__(self, keys: dict[str, bytes], source: Callable[[], dict[str, bytes]] | None = None) -> None:
        self._source = source
        self._take(keys)

    def _take(self, keys: dict[str, bytes]) -> None:
        self._keys, self._newest = keys, list(keys)[-1]

    def refresh(self) -> None:
        """Read the keys again. Raises what `source` raises; the keys then stay as they were."""
        if self._source:
            self._take(self._source())

    @property
    def ids(self) -> list[str]:
        """The keys' ids, the newest last."""
        return list(self._keys)

    @property
    def header(self) -> bytes:
        """The first bytes of an envelope sealed with the newest key."""
        encoded = self._newest.encode()
        return _VERSION + bytes([len(encoded)]) + encoded

    def seal(self, plain: bytes, binding: Binding) -> bytes:
        """Return an envelope, encrypted with a new data key that the newest key wraps."""
        data_key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE)
        header = self.header
        wrapped = self._wrap(self._newest, data_key, header + binding.data())
        return header + wrapped + nonce + AESGCM(data_key).encrypt(nonce, plain, binding.data())

    def open(self, envelope: bytes, binding: Binding) -> bytes:
        """Return the plain text of an envelope. Raises SealBroken."""
        header, key_id, rest = _split(envelope)
        data_key = self._unwrap(key_id, rest[:_WRAPPED], header + binding.data())
        nonce, sealed = rest[_WRAPPED : _WRAPPED + _NONCE], rest[_WRAPPED + _NONCE :]
        return _decrypt(data_key, nonce, sealed, binding.data())

    def rewrap(self, envelope: bytes, binding: Binding) -> bytes:
        """Return the envelope with its data key wrapped by the newest key. Raises SealBroken."""
        header, key_id, rest = _split(envelope)
        data_key = self._unwrap(key_id, rest[:_WRAPPED], header + binding.data())
        wrapped = self._wrap(self._newest, data_key, self.header + binding.data())
        return self.header + wrapped + rest[_WRAPPED:]

    def _wrap(self, key_id: str, data_key: bytes, associated: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._keys[key_id]).encrypt(nonce, data_key, associated)

    def _unwrap(self, key_id: str, wrapped: bytes, associated: bytes) -> bytes:
        if key_id not in self._keys:
            self.refresh()
        if key_id not in self._keys:
            raise KeyUnknown(key_id)
        return _decrypt(self._keys[key_id], wrapped[:_NONCE], wrapped[_NONCE:], associated)


def _split(envelope: bytes) -> tuple[bytes, str, bytes]:
    if len(envelope) < 2 or envelope[:1] != _VERSION:
        raise SealBroken("not a v1 envelope")
    end = 2 + envelope[1]
    if len(envelope) < end + _WRAPPED + _NONCE + 16:
        raise SealBroken("the envelope is cut short")
    return envelope[:end], envelope[2:end].decode(errors="replace"), envelope[end:]


def _decrypt(key: bytes, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(nonce, sealed, associated)
    except InvalidTag:
        raise SealBroken("the envelope is not of this row, or was altered") from None


class PasswordBox:
    """Ingest's key pair for one login attempt. It is never stored, so a crash restarts the password step."""

    def __init__(self, login_id: UUID) -> None:
        self._login_id = login_id
        self._private = X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        """The public key, stored in the login's row for `seal_password`."""
        return self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes) -> str:
        """Return the password. Raises SealBroken."""
        if len(sealed) < _PUBLIC + _NONCE + 16:
            raise SealBroken("the sealed password is cut short")
        sender, nonce = sealed[:_PUBLIC], sealed[_PUBLIC : _PUBLIC + _NONCE]
        shared = self._private.exchange(X25519PublicKey.from_public_bytes(sender))
        key = _box_key(shared, sender + self.public)
        return _decrypt(key, nonce, sealed[_PUBLIC + _NONCE :], self._login_id.bytes).decode()


def seal_password(password: str, public: bytes, login_id: UUID) -> bytes:
    """Return `sender's public key | nonce | ciphertext`, which only the PasswordBox of `public` can open."""
    ephemeral = X25519PrivateKey.generate()
    sender = ephemeral.public_key().public_bytes_raw()
    key = _box_key(ephemeral.exchange(X25519PublicKey.from_public_bytes(public)), sender + public)
    nonce = os.urandom(_NONCE)
    return sender + nonce + AESGCM(key).encrypt(nonce, password.encode(), login_id.bytes)


def _box_key(shared: bytes, salt: bytes) -> bytes:
    return HKDF(hashes.SHA256(), _KEY, salt, b"tg-assistant 2fa password v1").derive(shared)
