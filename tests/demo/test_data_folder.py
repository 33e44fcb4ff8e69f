"""What the demo keeps between starts, and what it says when it cannot."""

import io
import json
import socket
from pathlib import Path

from tg_assistant.demo.console import Console
from tg_assistant.demo.data_folder import WANTED_PORTS, holder, open_data_folder


def test_busy_ports_are_replaced_and_kept(tmp_path: Path):
    """A port somebody else listens on is replaced, said, and remembered for the next start."""
    with socket.socket() as other, open_data_folder(tmp_path) as folder:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"web": busy}))
        ports, replaced = folder.choose_ports()
        assert replaced["web"] == (busy, ports["web"])
        assert len(set(ports.values())) == len(WANTED_PORTS)
        again, replaced_again = folder.choose_ports()
        assert again == ports and replaced_again == {}


def test_secrets_are_made_once_and_private(tmp_path: Path):
    """The second start uses the first one's keys; nobody else may read them."""
    with open_data_folder(tmp_path) as folder:
        first = folder.secrets()
        assert folder.secrets() == first and len(first["SESSION_CRYPTO_KEY"]) == 44
        assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
        known = {name: value for name, value in first.items() if name != "EMBEDDER_KEY"}
        (tmp_path / "secrets.json").write_text(json.dumps(known))  # of a version that had no such key
        assert folder.secrets() == known | {"EMBEDDER_KEY": folder.secrets()["EMBEDDER_KEY"]} != first


def test_reset_forgets_everything(tmp_path: Path):
    """RESET=1 leaves neither data nor secrets."""
    with open_data_folder(tmp_path) as folder:
        first = folder.secrets()
        (tmp_path / "pg").mkdir()
        (tmp_path / "pg" / "PG_VERSION").touch()
    with open_data_folder(tmp_path, reset=True) as folder:
        assert not (tmp_path / "pg").exists()
        assert folder.secrets() != first


def test_the_holder_is_known_while_it_holds(tmp_path: Path):
    """`make down` finds the process, and finds none afterwards."""
    with open_data_folder(tmp_path):
        assert holder(tmp_path) is not None
    assert holder(tmp_path) is None


def test_events_are_one_line_each():
    """A structlog event with a traceback shows its name, values and last line; plain text passes through."""
    out = io.StringIO()
    console = Console(out)
    event = {
        "event": "login.failed",
        "level": "error",
        "account_id": 7,
        "exception": "Traceback\n  x\nKeyError: 1",
    }
    console.line("ingest", json.dumps(event) + "\n")
    console.line("chroma", "banner\n", quiet=True)
    console.line("postgres", "FATAL:  no space\n", quiet=True)
    lines = out.getvalue().splitlines()
    assert lines[0].endswith("ingest   login.failed  account_id=7  KeyError: 1")
    assert lines[1].endswith("postgres FATAL:  no space") and len(lines) == 2
