"""Everything that exists in this local Telegram, behind every front."""

from __future__ import annotations

import hmac
from pathlib import Path

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.install import Install, open_install
from sandbox.violations import Violations
from sandbox.world.bot import Bot
from sandbox.world.channels import Channels
from sandbox.world.chats import Chats
from sandbox.world.hub import Hub
from sandbox.world.keys import Keys
from sandbox.world.people import People
from sandbox.world.store import Store
from sandbox.world.tokens import Tokens


class World:
    """Opened from a data folder; call `commit` before telling anyone about a change."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.install: Install = open_install(data_dir)
        self.store = Store(data_dir / "world.sqlite3")
        self.clock = Clock()
        self.hub = Hub()
        self.violations = Violations()
        self.faults = Faults(self.clock, self.violations)
        self.people = People(self)
        self.channels = Channels(self)
        self.keys = Keys(self)
        self.tokens = Tokens(self)
        self.chats = Chats(self)
        self.bot = Bot(self)

    def commit(self) -> None:
        self.store.commit()

    def close(self) -> None:
        self.store.close()

    def access_hash(self, viewer_id: int, kind: str, peer_id: int) -> int:
        """Each viewer gets a different hash for a peer, so another account's hash opens nothing."""
        text = f"{viewer_id}:{kind}:{peer_id}".encode()
        digest = hmac.digest(self.install.hash_secret, text, "sha256")
        return int.from_bytes(digest[:8], "little", signed=True)

    def next_number(self, name: str, start: int = 1) -> int:
        """A durable counter's next value."""
        number = self._counters().get(name, start - 1) + 1
        self._counters()[name] = number
        self.store.put("counters", "all", self._counters())
        return number

    def _counters(self) -> dict[str, int]:
        if not hasattr(self, "_counter_row"):
            self._counter_row: dict[str, int] = next(self.store.load("counters"), {})
        return self._counter_row
