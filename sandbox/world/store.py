"""The durable half of the world: JSON rows in SQLite, committed before anything is acknowledged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Store:
    """Rows are (kind, key) → JSON. Writes gather in memory until `commit`, which fsyncs."""

    def __init__(self, path: Path) -> None:
        # One writer thread by construction: the sandbox runs in one event loop.
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS rows (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
            " WITHOUT ROWID"
        )
        self._dirty: dict[tuple[str, str], Any] = {}

    def put(self, kind: str, key: object, row: object) -> None:
        """Remember a dataclass or dict; it is serialised at commit, so later changes count too."""
        self._dirty[kind, str(key)] = row

    def delete(self, kind: str, key: object) -> None:
        self._dirty[kind, str(key)] = None

    def load(self, kind: str) -> Iterator[dict[str, Any]]:
        """Rows of one kind as dicts, in no particular order."""
        for (body,) in self._db.execute("SELECT body FROM rows WHERE kind = ?", (kind,)):
            yield json.loads(body)

    def commit(self) -> None:
        """Make every pending write durable; cheap when there is none. If one cannot be stored, none is."""
        if not self._dirty:
            return
        dirty, self._dirty = self._dirty, {}
        gone = [key for key, row in dirty.items() if row is None]
        kept = [(*key, _dump(row)) for key, row in dirty.items() if row is not None]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("DELETE FROM rows WHERE kind = ? AND key = ?", gone)
            self._db.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", kept)
            self._db.execute("COMMIT")
        except BaseException:  # an open transaction would refuse every later one
            self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self.commit()
        self._db.close()


def _dump(row: object) -> str:
    return json.dumps(row if isinstance(row, dict) else vars(row), ensure_ascii=False)
