"""The common base of all parts of the world: storage, clock, counters, hub, faults."""

from __future__ import annotations

import hmac
from pathlib import Path

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.install import Install, open_install
from sandbox.violations import Violations
from sandbox.world.hub import Hub
from sandbox.world.store import Store


class Foundation:
    """The base, opened from a data folder. Call `commit` before a change becomes visible to a client."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.install: Install = open_install(data_dir)
        self.store = Store(data_dir / "world.sqlite3")
        self.clock = Clock()
        self.hub = Hub()
        self.violations = Violations()
        self.faults = Faults(self.clock, self.violations)
        self._counters: dict[str, int] = next(self.store.load("counters"), {})

    def commit(self) -> None:
        self.store.commit()

    def close(self) -> None:
        self.store.close()

    def access_hash(self, viewer_id: int, kind: str, peer_id: int) -> int:
        """The access hash of a peer for a viewer; it differs by viewer, so another account's is invalid."""
        text = f"{viewer_id}:{kind}:{peer_id}".encode()
        digest = hmac.digest(self.install.hash_secret, text, "sha256")
        return int.from_bytes(digest[:8], "little", signed=True)

    def next_number(self, name: str, start: int = 1) -> int:
        """The next value of a stored counter."""
        number = self._counters.get(name, start - 1) + 1
        self._counters[name] = number
        self.store.put("counters", "all", self._counters)
        return number
