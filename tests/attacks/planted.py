"""Where secrets were planted, and where any of them lies that should not: in logs, answers, dumps."""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.servers import API_HASH, BOT_TOKEN, JWT_SECRET, LLM_KEY, SESSION_KEY, WEBHOOK_SECRET

OF_THE_TESTS = {
    "the tests' bot token": BOT_TOKEN,
    "the tests' session key": SESSION_KEY,
    "the tests' JWT secret": JWT_SECRET,
    "the tests' api hash": API_HASH,
    "the tests' webhook secret": WEBHOOK_SECRET,
    "the tests' LLM key": LLM_KEY,
    "a 2FA password": "correct horse",
}
# What was made on the way, noted to be looked for at the very end.
NOTED: dict[str, str] = {}
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
    found = sorted(path for path in _files(folder) if path.suffix == ".log")
    return (path for path in found if path.name not in _ELSEWHERE)


def _files(folder: Path) -> Iterator[Path]:
    """All files below; unlike `rglob`, walks on when a server takes a folder of its own away meanwhile."""
    return (Path(where) / name for where, _, names in os.walk(folder) for name in names)


def in_logs(folder: Path, secrets: Mapping[str, str]) -> dict[str, set[str]]:
    """Secrets by the log they stand in; {} is good."""
    named = {str(path.relative_to(folder)): found(secrets, path.read_bytes()) for path in logs(folder)}
    return {name: secrets for name, secrets in named.items() if secrets}


def in_files(folder: Path, secrets: Mapping[str, str], keep: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Secrets by the file they stand in, whatever it is; `keep` says what may stand below which paths."""
    named: dict[str, set[str]] = {}
    for path in _files(folder):
        if not path.is_file() or path.is_symlink():
            continue
        name = str(path.relative_to(folder))
        allowed = {one for where, ones in keep.items() if name.startswith(where) for one in ones}
        asked = {one: secret for one, secret in secrets.items() if one not in allowed}
        try:
            here = found(asked, path.read_bytes())
        except FileNotFoundError:  # a server's own file that came and went
            continue
        if here:
            named[name] = here
    return named


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


def in_rows(admin_url: str, secrets: Mapping[str, str]) -> set[str]:
    """The tables of all schemas that hold a secret anywhere in a row; a tenth of a second, read in place."""
    written = {form.decode() for secret in secrets.values() for form in forms(secret)}
    wanted = ["%" + form.replace("%", r"\%").replace("_", r"\_") + "%" for form in written]
    query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information_schema)'"
    with psycopg.connect(admin_url) as admin:
        named: set[str] = set()
        for schema, table in admin.execute(query).fetchall():
            where = sql.Identifier(schema, table)
            held = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} AS t WHERE t::text LIKE ANY(%s))").format(where)
            if (admin.execute(held, [wanted]).fetchone() or (False,))[0]:
                named.add(table)
    return named


def of_the_suite(folder: Path) -> dict[str, str]:
    """Secrets that the suite's installations were given or made for themselves, and those noted meanwhile."""
    secrets = OF_THE_TESTS | NOTED
    for kept in (path for path in _files(folder) if path.name in ("secrets.json", "install.json")):
        for name, value in json.loads(kept.read_text()).items():
            if name in ("bot_token", "api_hash", "JWT_SECRET", "SESSION_CRYPTO_KEY"):
                secrets[f"{name} of {kept.relative_to(folder)}"] = value
    return secrets
