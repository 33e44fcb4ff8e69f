"""The world's storage: JSON rows in SQLite, committed before a change is acknowledged."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Store:
    """Rows of JSON by (kind, key). Writes are collected in memory until `commit`, which fsyncs."""

    def __init__(self, path: Path) -> None:
        # safe: the sandbox runs in one event loop, so only one thread at a time uses the connection
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS rows (kind TEXT, key TEXT, body TEXT, PRIMARY KEY (kind, key))"
            " WITHOUT ROWID"
        )
        self._dirty: dict[tuple[str, str], Any] = {}

    def put(self, kind: str, key: object, row: object) -> None:
        """Store a dataclass or dict at the next commit, with all changes made to it until then."""
        self._dirty[kind, str(key)] = row

    def delete(self, kind: str, key: object) -> None:
        self._dirty[kind, str(key)] = None

    def load(self, kind: str) -> Iterator[dict[str, Any]]:
        """The committed rows of one kind as dicts, in no particular order."""
        for (body,) in self._db.execute("SELECT body FROM rows WHERE kind = ?", (kind,)):
            yield json.loads(body)

    def commit(self) -> None:
        """Make every pending write durable, or none if one fails; cheap if there is none."""
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
        except BaseException:  # an open transaction would prevent every later one
            self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self.commit()
        self._db.close()


def _dump(row: object) -> str:
    return json.dumps(row if isinstance(row, dict) else vars(row), ensure_ascii=False)
