"""Keys and identifiers, generated at the first start and stored in the data folder."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

HOME_DC, OTHER_DC = 2, 4
BOT_ID = 7_100_200_300


@dataclass(frozen=True)
class Install:
    """This installation's secrets; `facts` is the content of install.json, which other processes read."""

    facts: dict[str, Any]
    rsa_key: rsa.RSAPrivateKey
    init_data_key: ed25519.Ed25519PrivateKey
    hash_secret: bytes


def open_install(data_dir: Path) -> Install:
    """Read the installation in `data_dir`, creating it if there is none."""
    if not (data_dir / "install.json").exists():
        _make(data_dir)
    kept = json.loads((data_dir / "secrets.json").read_text())
    pem = (data_dir / "server.key.pem").read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return Install(
        facts=_facts(data_dir),
        rsa_key=key,
        init_data_key=ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(kept["init_data_key"])),
        hash_secret=bytes.fromhex(kept["hash_secret"]),
    )


def _facts(data_dir: Path) -> dict[str, Any]:
    """The content of install.json; the key's path is corrected if the folder has been moved."""
    facts = json.loads((data_dir / "install.json").read_text())
    here = str((data_dir / "server.pem").resolve())
    if facts["rsa_key_file"] != here:
        facts["rsa_key_file"] = here
        _write(data_dir / "install.json", json.dumps(facts, indent=2).encode())
    return facts


def _make(data_dir: Path) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    init_key = ed25519.Ed25519PrivateKey.generate()
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    _write(
        data_dir / "server.key.pem",
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain),
    )
    _write(data_dir / "server.pem", key.public_key().public_bytes(encoding, serialization.PublicFormat.PKCS1))
    raw = serialization.Encoding.Raw
    secret = {
        "init_data_key": init_key.private_bytes(raw, serialization.PrivateFormat.Raw, plain).hex(),
        "hash_secret": secrets.token_hex(32),
    }
    _write(data_dir / "secrets.json", json.dumps(secret).encode())
    facts = {
        "bot_id": BOT_ID,
        "bot_token": f"{BOT_ID}:AA{secrets.token_urlsafe(32)[:33]}",
        "bot_username": "tg_assistant_bot",
        "bot_name": "Telegram Assistant",
        "api_id": 20_000_000 + secrets.randbelow(9_000_000),
        "api_hash": secrets.token_hex(16),
        "dc_id": HOME_DC,
        "dc_ids": [HOME_DC, OTHER_DC],
        "rsa_key_file": str((data_dir / "server.pem").resolve()),
        "init_data_public_key": init_key.public_key().public_bytes(raw, serialization.PublicFormat.Raw).hex(),
    }
    # install.json is written last: its presence means that the other files are complete
    _write(data_dir / "install.json", json.dumps(facts, indent=2).encode())


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(path.suffix + ".new")
    temporary.unlink(missing_ok=True)  # one left by a killed process keeps its mode
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
