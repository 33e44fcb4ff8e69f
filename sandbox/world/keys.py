"""Authorisation keys, and the sessions ("devices") logged in with them."""

from __future__ import annotations

import secrets
from hashlib import sha1

from sandbox.world.errors import WorldError
from sandbox.world.foundation import Foundation
from sandbox.world.model import AuthKey, Person
from sandbox.world.tokens import Tokens


class Keys:
    """All keys. Losing one would end a session, so each is stored before the client receives it."""

    def __init__(self, world: Foundation, tokens: Tokens) -> None:
        self._world, self._tokens = world, tokens
        self._keys = {row["id"]: AuthKey(**row) for row in world.store.load("key")}

    def add(self, secret: bytes, dc_id: int) -> AuthKey:
        key_id = sha1(secret).digest()[12:20].hex()  # noqa: S324 the protocol's own  # nosec B324
        salt = secrets.randbits(63) | 1
        key = AuthKey(id=key_id, key=secret.hex(), dc_id=dc_id, salt=salt, created=self._world.clock.unix())
        self._keys[key_id] = key
        self.save(key)
        return key

    def find(self, key_id: str, dc_id: int) -> AuthKey | None:
        """The key with an id, known only in its own data centre; None otherwise."""
        key = self._keys.get(key_id)
        return key if key and key.dc_id == dc_id else None

    def get(self, key_id: str) -> AuthKey | None:
        return self._keys.get(key_id)

    def save(self, key: AuthKey) -> None:
        self._world.store.put("key", key.id, key)

    def log_in(self, key: AuthKey, person: Person) -> None:
        """Make the key a session of the person."""
        key.person_id, key.pending_id, key.error = person.id, None, None
        key.session = secrets.randbits(62)
        key.logged_in_at = key.active = self._world.clock.unix()
        self._changed(key, person.id)

    def accept(self, person: Person, token: bytes | str) -> AuthKey:
        """Accept a code that the person scanned with the in-app camera; returns the key that showed it.

        Raises WorldError AUTH_TOKEN_*, with Telegram's names.
        """
        key = self.get(self._tokens.accept(person, token).key_id)
        assert key is not None
        if person.password:
            self.await_password(key, person)
        self._world.hub.emit("scanner")
        self._world.hub.emit("token_accepted", key=key)
        return key

    def await_password(self, key: AuthKey, person: Person) -> None:
        """Mark the key as waiting for the 2FA password; the phone shows an incomplete login attempt."""
        if key.pending_id == person.id:
            return
        key.pending_id = person.id
        key.session = key.session or secrets.randbits(62)
        key.logged_in_at = key.active = self._world.clock.unix()
        self._changed(key, person.id)

    def log_out(self, key: AuthKey, error: str = "AUTH_KEY_UNREGISTERED") -> None:
        """End the session; the client's next call gets the error."""
        person_id, key.person_id = key.person_id or key.pending_id, None
        key.pending_id, key.session, key.error = None, 0, error
        self._tokens.forget(key)
        self._changed(key, person_id)
        self._world.hub.emit("session_ended", key=key)

    def break_key(self, key: AuthKey, error: str) -> None:
        """Destroy the key: every later call gets the error."""
        self.log_out(key, error)

    def sessions(self, person: Person) -> list[AuthKey]:
        """The person's devices, including those waiting for the 2FA password, newest first."""
        mine = [key for key in self._keys.values() if person.id in (key.person_id, key.pending_id)]
        return sorted(mine, key=lambda key: key.logged_in_at, reverse=True)

    def session(self, person: Person, session: int) -> AuthKey:
        """A device by its hash. Raises WorldError HASH_INVALID."""
        for key in self.sessions(person):
            if key.session == session:
                return key
        raise WorldError("HASH_INVALID", "There is no such device.", 404)

    def _changed(self, key: AuthKey, person_id: int | None) -> None:
        self.save(key)
        self._world.hub.emit("devices", person_id=person_id)
