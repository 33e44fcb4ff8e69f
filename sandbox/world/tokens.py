"""Login tokens: the QR codes being shown on screens.

Source: https://core.telegram.org/api/qr-login
"""

from __future__ import annotations

import base64
import binascii
import os

from sandbox.world.errors import WorldError
from sandbox.world.foundation import Foundation
from sandbox.world.model import AuthKey, LoginToken, Person

LIFETIME = 30  # seconds, about as long as Telegram's


class Tokens:
    """All tokens. A new one does not invalidate the key's previous one, which expires by itself."""

    def __init__(self, world: Foundation) -> None:
        self._world = world
        self.lifetime = LIFETIME
        self._tokens = {row["token"]: LoginToken(**row) for row in world.store.load("token")}

    def export(self, key: AuthKey) -> LoginToken:
        """A new token for an unauthorised key to show."""
        self._sweep()
        token = LoginToken(os.urandom(32).hex(), key.id, self._world.clock.unix() + self.lifetime)
        self._tokens[token.token] = token
        self._save(token)
        self._world.hub.emit("scanner")
        return token

    def accepted(self, key: AuthKey) -> LoginToken | None:
        """The key's token that has been scanned but not used to log in yet, or None."""
        mine = (each for each in self._tokens.values() if each.key_id == key.id)
        return next((each for each in mine if each.accepted_by and not each.used), None)

    def shown(self) -> list[LoginToken]:
        """The tokens visible to a camera: the latest of each key, unless expired or scanned."""
        latest = {each.key_id: each for each in self._tokens.values()}
        now = self._world.clock.now()
        return [each for each in latest.values() if each.expires > now and not each.accepted_by]

    def accept(self, person: Person, token: bytes | str) -> LoginToken:
        """Record that the person has scanned a token. Raises WorldError AUTH_TOKEN_*."""
        found = self._tokens.get(_as_hex(token))
        if found is None:
            raise WorldError("AUTH_TOKEN_INVALID", "No screen shows this code.")
        if found.accepted_by:
            raise WorldError("AUTH_TOKEN_ALREADY_ACCEPTED", "This code has been used.")
        if found.expires <= self._world.clock.now():
            raise WorldError("AUTH_TOKEN_EXPIRED", "This code has expired.")
        found.accepted_by = person.id
        self._save(found)
        return found

    def redeem(self, token: LoginToken) -> None:
        token.used = True
        self._save(token)

    def find(self, token: bytes) -> LoginToken | None:
        return self._tokens.get(token.hex())

    def expire_all(self) -> None:
        """Expire every token; for tests."""
        for token in self._tokens.values():
            token.expires = min(token.expires, self._world.clock.unix() - 1)
            self._save(token)
        self._world.hub.emit("scanner")

    def forget(self, key: AuthKey) -> None:
        """Delete the tokens of a key that has been logged out."""
        for token in [each for each in self._tokens.values() if each.key_id == key.id]:
            self._drop(token)

    def _sweep(self) -> None:
        horizon = self._world.clock.now() - 3600
        for token in [each for each in self._tokens.values() if each.expires < horizon]:
            self._drop(token)

    def _save(self, token: LoginToken) -> None:
        self._world.store.put("token", token.token, token)

    def _drop(self, token: LoginToken) -> None:
        del self._tokens[token.token]
        self._world.store.delete("token", token.token)


def encode(token: LoginToken) -> str:
    """The token as in tg://login?token=…, in base64url without padding."""
    return base64.urlsafe_b64encode(bytes.fromhex(token.token)).decode().rstrip("=")


def _as_hex(token: bytes | str) -> str:
    if isinstance(token, bytes):
        return token.hex()
    text = token.rpartition("token=")[2]
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
    except (binascii.Error, ValueError):
        return ""
