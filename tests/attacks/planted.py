"""Where secrets were planted, and where any of them lies that should not: in logs, answers, dumps."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.servers import BOT_TOKEN, SESSION_KEY

# whose log is no log of ours: the local Telegram is everybody's Telegram, and knows what people type there
_ELSEWHERE = {"sandbox.log"}


def forms(secret: str) -> set[bytes]:
    """The ways a secret may be written down: as it is, in an address, in hex, in base64."""
    raw = secret.encode()
    encoded = {base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")}
    return {raw, quote(secret, safe="").encode(), raw.hex().encode(), *encoded}


def found(secrets: Mapping[str, str], text: bytes) -> set[str]:
    """Names of the secrets that stand in a text."""
    return {name for name, secret in secrets.items() if any(form in text for form in forms(secret))}


def logs(folder: Path) -> Iterator[Path]:
    """Everything that processes wrote below a folder."""
    return (path for path in sorted(folder.rglob("*.log")) if path.name not in _ELSEWHERE)


def in_logs(folder: Path, secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """Secrets by the log they stand in; {} is good."""
    named = {str(path.relative_to(folder)): found(secrets, path.read_bytes()) for path in logs(folder)}
    return {name: secrets for name, secrets in named.items() if secrets}


def in_tables(admin_url: str, secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """Secrets by the column ("table.column") they stand in, read as the superuser."""
    named: dict[str, set[str]] = {}
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    with psycopg.connect(admin_url) as admin:
        for table, column in admin.execute(query).fetchall():
            values = sql.SQL("SELECT string_agg({}::text, E'\\n') FROM {}")
            text = admin.execute(values.format(sql.Identifier(column), sql.Identifier(table))).fetchone()
            if text and text[0] and (here := found(secrets, text[0].encode())):
                named[f"{table}.{column}"] = here
    return named


def of_the_suite(folder: Path) -> dict[str, str]:
    """Secrets that the suite's installations were given or made for themselves, wherever below a folder."""
    secrets = {"the tests' bot token": BOT_TOKEN, "the tests' session key": SESSION_KEY}
    for kept in [*folder.rglob("secrets.json"), *folder.rglob("install.json")]:
        for name, value in json.loads(kept.read_text()).items():
            if name in ("bot_token", "api_hash", "JWT_SECRET", "SESSION_CRYPTO_KEY"):
                secrets[f"{name} of {kept.relative_to(folder)}"] = value
    return secrets
