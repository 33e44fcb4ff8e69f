"""The demo's data folder: its lock, ports and secrets, and emptying it."""

import base64
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tg_assistant.demo.ports import free_port, is_free

WANTED_PORTS = {
    "web": 8000,
    "phone": 8010,
    "chroma": 8020,
    "postgres": 8030,
    "mtproto": 8040,
    "bot_api": 8050,
    "bot_health": 8061,
    "ingest_health": 8062,
    "embedder": 8070,
}


class FolderInUse(Exception):
    """Another demo is using the folder. `str()` is one sentence for the terminal."""


@dataclass(frozen=True)
class DataFolder:
    """The locked folder; `path` contains everything of the demo that survives a restart."""

    path: Path
    lock: IO[str]

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def choose_ports(self, *, any_free: bool = False) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
        """Choose and save the ports: last time's, else the usual ones, else free ones.

        Returns the ports by name, and those that were busy, as (wanted, chosen) by name.
        """
        kept = self.path / "ports.json"
        wanted = {} if any_free else WANTED_PORTS | (json.loads(kept.read_text()) if kept.exists() else {})
        ports: dict[str, int] = {}
        replaced: dict[str, tuple[int, int]] = {}
        for name in WANTED_PORTS:
            port = wanted.get(name)
            if port is None or not is_free(port) or port in ports.values():
                taken = set(ports.values()) | set(wanted.values())
                while (other := free_port()) in taken:
                    pass
                ports[name] = other
                if port is not None:
                    replaced[name] = (port, other)
            else:
                ports[name] = port
        write_private(kept, json.dumps(ports, indent=2))
        return ports, replaced

    def secrets(self) -> dict[str, str]:
        """JWT_SECRET, SESSION_CRYPTO_KEY, EMBEDDER_KEY, generated at the first start that needs them."""
        kept = self.path / "secrets.json"
        known = json.loads(kept.read_text()) if kept.exists() else {}
        made = {
            "JWT_SECRET": secrets.token_urlsafe(48),
            "SESSION_CRYPTO_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "EMBEDDER_KEY": secrets.token_hex(32),
        } | known
        if made != known:
            write_private(kept, json.dumps(made, indent=2))
        return made


@contextmanager
def open_data_folder(path: Path, *, reset: bool = False) -> Generator[DataFolder]:
    """Lock the folder for this process, and for processes that inherit the lock. Raises FolderInUse."""
    path = path.resolve()
    path.mkdir(parents=True, exist_ok=True)
    with (path / "lock").open("a+") as lock:
        _take(lock, path)
        if reset:
            _empty(path)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        (path / "logs").mkdir(exist_ok=True)
        yield DataFolder(path, lock)


def holder(path: Path) -> int | None:
    """Process id of the demo that is using this folder, or None."""
    try:
        pid = int((path / "lock").read_text().strip())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    with (path / "lock").open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return pid
    return None


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically; only its owner can read it."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def _take(lock: IO[str], path: Path) -> None:
    """Lock the folder. Raises FolderInUse.

    Waits for the guardian of a killed demo, which holds the lock until it has ended all processes.
    """
    deadline = time.monotonic() + 15
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = holder(path)
            if pid is not None or time.monotonic() > deadline:
                raise FolderInUse(
                    f"A demo already runs over {path} (process {pid}). Stop it with Ctrl-C or `make down`, "
                    f"or start this one over another folder: make demo DATA=.data2"
                ) from None
            time.sleep(0.2)
        else:
            return


def _empty(path: Path) -> None:
    """Delete everything in the folder but the lock."""
    for entry in path.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
