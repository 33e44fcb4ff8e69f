"""What the world keeps on disk."""

from pathlib import Path

import pytest

from sandbox.world.store import Store


def test_what_cannot_be_stored_is_in_nobodys_way(tmp_path: Path) -> None:
    """Half an emoji is no text to SQLite: its commit fails whole, later ones do not, nor does a restart."""
    store = Store(tmp_path / "world.sqlite3")
    store.put("post", 1, {"text": "plain"})
    store.commit()
    store.put("post", 2, {"text": "half \ud83d"})
    store.delete("post", 1)
    with pytest.raises(UnicodeEncodeError):
        store.commit()
    store.put("post", 3, {"text": "another"})
    store.commit()
    store.close()
    again = Store(tmp_path / "world.sqlite3")
    assert sorted(row["text"] for row in again.load("post")) == ["another", "plain"]
    again.close()
