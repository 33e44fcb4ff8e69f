"""Twelve secrets are planted, all doors are walked through, and none of them lies about afterwards."""

import asyncio
import base64
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy.orm import undefer_group
from sqlmodel import col, select
from telethon.sessions import StringSession

from tests.attacks import canaries, planted
from tests.phone import until
from tests.product import Product, running_product
from tests.stories import journey
from tests.stories.journey import Traveller
from tg_assistant.core.accounts import accounts
from tg_assistant.demo.environment import Demo
from tg_assistant.demo.ports import free_port
from tg_assistant.demo.postgres import binary
from tg_assistant.infra.crypto import Keyring
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Account
from tg_assistant.models.base import SECRETS
from tg_assistant.settings.groups import SecuritySettings
from tg_assistant.settings.load import session_keys

LLM_KEY, WEBHOOK = (f"{name}-{secrets.token_urlsafe(24)}" for name in ("llm", "hook"))
PASSWORD = f"two steps {secrets.token_hex(8)}"
# a code that lets people in is looked up by itself; everything else is sealed or hashed
ALLOWED = {"invites.code": {"invite code"}, "invite_uses.code": {"invite code"}}
# Files: the installation's own secrets stand in one. A QR code stands in its row while it is shown, so in
# PostgreSQL's journal some time longer, good for nothing. The local Telegram knows its own secrets, and
# what people type there.
KEPT = {"secrets.json": {"JWT secret", "session key", "embedder key"}, "pg/": {"invite code", "login token"}}
TELEGRAM = "sandbox/"


@cache
def web_health() -> int:
    """The web process's internal port, chosen as it starts: one chosen while tests are collected is old."""
    return free_port()


class Planted(Demo):
    """An installation with the secrets that a demo has no use for, too."""

    def base(self) -> dict[str, str]:
        """The model's key goes to all who load settings."""
        return super().base() | {"LLM_API_KEY": LLM_KEY, "LLM_MODEL": "obedient"}

    def bot_environment(self) -> dict[str, str]:
        """Polling, but with a webhook's secret at hand."""
        return super().bot_environment() | {"BOT_WEBHOOK_SECRET": WEBHOOK}

    def web_environment(self) -> dict[str, str]:
        """With the internal port, for its metrics."""
        return super().web_environment() | {"HEALTH_PORT": str(web_health())}


@dataclass
class Walk:
    """What was planted, and what was said on the way that is no secret's own answer."""

    product: Product
    secrets: dict[str, str] = field(default_factory=dict)
    said: dict[str, bytes] = field(default_factory=dict)

    async def look(self, answer: httpx.Response) -> None:
        """Keep the bodies of errors."""
        if answer.status_code >= 400 and answer.url.host == "127.0.0.1":
            address = f"{answer.status_code} {answer.request.method} {answer.url.path}"
            self.said[address] = await answer.aread()


@pytest.fixture(scope="module")
async def walk(workdir: Path, model_dir: Path) -> AsyncIterator[Walk]:
    """Everything of an installation walked through once."""
    with canaries.obedient_model() as model, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_BASE_URL", model)
        async with running_product(workdir / "planted", model_dir, Planted) as product:
            walked = Walk(product)
            product.http.event_hooks["response"].append(walked.look)
            await _plant(walked)
            await _walk(walked)
            planted.NOTED.update(walked.secrets)
            product.http.event_hooks["response"].clear()
            yield walked


async def _plant(walk: Walk) -> None:
    demo, made = walk.product.demo, walk.product.demo.install()
    database = demo.running_database()
    walk.secrets |= {
        "bot token": made["bot_token"],
        "api hash": made["api_hash"],
        "JWT secret": demo.folder.secrets()["JWT_SECRET"],
        "session key": demo.folder.secrets()["SESSION_CRYPTO_KEY"],
        "embedder key": demo.folder.secrets()["EMBEDDER_KEY"],
        "2FA password": PASSWORD,
        "webhook secret": WEBHOOK,
        "LLM key": LLM_KEY,
        "database password (app)": urlsplit(database.app_url).password or "",
        "database password (worker)": urlsplit(database.worker_url).password or "",
        "database password (owner)": urlsplit(database.owner_url).password or "",
        "invite code": await walk.product.phone("anna").invite_code(),
    }


async def _walk(walk: Walk) -> None:
    anna = await _signs_in(walk)
    await anna.phone.put("/two-factor", password=PASSWORD, hint="no hint")
    await _connects(walk, anna)
    await journey.follows(anna, "ЛумскТранс")
    result = await anna.ask("Сколько стоит месячный проездной?")
    assert result["sources"]
    await anna.phone.says("Сколько стоит месячный проездной?", contains="1")
    await anna.phone.says("/sessions")
    await _errs(walk, anna)


async def _signs_in(walk: Walk) -> Traveller:
    phone, http, base = walk.product.phone("anna"), walk.product.http, walk.product.demo.web_url
    await phone.starts(f"inv_{walk.secrets['invite code']}")
    data = await phone.init_data()
    answer = await http.post(f"{base}/api/auth/telegram-webapp", json={"init_data": data})
    walk.secrets |= {
        "resume secret": answer.json()["resume_secret"],
        "access token": answer.json()["access_token"],
        "refresh token": next(iter(answer.cookies.values())),
        "init data": data,
    }
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return Traveller(phone, http, base, bearer)


async def _connects(walk: Walk, anna: Traveller) -> None:
    """Once with a wrong password, then with the right one."""
    started = await anna.rest("POST", "/api/tg/qr/start", client_meta={"device": "Chrome, Linux"})
    walk.secrets["connect link"] = started["connect_url"].rsplit("/", 1)[1]
    async with journey.second_screen(started["connect_url"]) as browser:
        live = f"{anna.base}/tg/connect/live/state"

        async def shown() -> bool:
            return bool((await browser.get(live)).json()["qr"])

        async def is_asked() -> bool:
            return (await browser.get(live)).json()["status"] == "password_required"

        await until(shown, "the code")
        walk.secrets["page token"] = next(iter(browser.cookies.jar)).value or ""
        walk.secrets["login token"] = (await until(lambda: anna.phone.get("/scanner"), "a code"))[-1]["token"]
        await anna.phone.scans()
        await until(is_asked, "the password to be asked for")
        address = f"{anna.base}/tg/qr/password/{started['qr_session_id']}"
        await browser.post(address, json={"password": PASSWORD + "?"})
        await asyncio.sleep(1)
        await until(is_asked, "the password to be asked for again")
        await browser.post(address, json={"password": PASSWORD})

        async def final() -> str | None:
            status = await anna.rest("GET", f"/api/tg/qr/status/{started['qr_session_id']}")
            return status["status"] if status["status"] in ("authorized", "failed") else None

        assert await until(final, "the login to end", 60) == "authorized"
    walk.secrets |= await _telegram_session(walk.product.demo)


async def _telegram_session(demo: Demo) -> dict[str, str]:
    """What stands sealed in `accounts.sealed_session`, opened: whoever has it is Anna at Telegram."""
    security = SecuritySettings(
        jwt_secret="j" * 48, session_crypto_key=demo.folder.secrets()["SESSION_CRYPTO_KEY"]
    )
    database = Database(demo.running_database().worker_url, pool_size=1)
    async with database.transaction() as db:
        query = select(Account).where(col(Account.sealed_session).is_not(None))
        [account] = await db.exec(query.options(undefer_group(SECRETS)))
    await database.close()
    session = accounts.open_session(account, Keyring(session_keys(security))).decode()
    key = StringSession(session).auth_key
    assert key is not None
    return {
        "Telegram session": session,
        "its auth key (hex)": key.key.hex(),
        "its auth key (base64)": base64.b64encode(key.key).decode().rstrip("="),
    }


async def _errs(walk: Walk, anna: Traveller) -> None:
    """Each secret is brought where it does not belong: the refusal must not repeat it."""
    http, base = walk.product.http, anna.base
    for secret in walk.secrets.values():
        odd = secret.replace("\n", " ")
        await http.post(f"{base}/api/auth/telegram-webapp", json={"init_data": odd})
        await http.post(f"{base}/api/invites/redeem", json={"code": odd}, headers=anna.bearer)
        await http.post(f"{base}/api/auth/resume", json={"resume_secret": odd, odd: 1})
        await http.post(f"{base}/api/tg/qr/cancel", json={"qr_session_id": odd}, headers=anna.bearer)
        await http.post(f"{base}/api/graphql", json={"query": "{ post(id: 1) { id } }"}, headers=anna.bearer)
        if odd.isascii() and odd != walk.secrets["access token"]:
            await http.get(f"{base}/api/users/me", headers={"Authorization": f"Bearer {odd}"})
            await http.get(f"{base}/api/users/me", headers={"Authorization": f"tma {odd}"})
    demo = walk.product.demo
    for port in (web_health(), demo.ports["bot_health"], demo.ports["ingest_health"]):
        page = await http.get(f"http://127.0.0.1:{port}/metrics")
        assert page.status_code == 200
        walk.said[f"metrics of {port}"] = page.content


def test_twelve_and_more(walk: Walk) -> None:
    """Bot token, JWT secret, session key, api hash, 2FA password, tokens, codes, keys and passwords."""
    assert len(walk.secrets) >= 12 and all(len(each) >= 12 for each in walk.secrets.values())


def test_no_log_has_one(walk: Walk) -> None:
    """Of web, bot, ingest, PostgreSQL and Chroma."""
    folder = walk.product.demo.folder.path
    names = {path.name for path in planted.logs(folder)}
    assert {"web.log", "bot.log", "ingest.log"} <= names, names
    assert planted.in_logs(folder, walk.secrets) == {}


def test_no_error_and_no_metrics_page_repeats_one(walk: Walk) -> None:
    """Whatever was brought where it does not belong, the refusal says in words of its own."""
    assert len(walk.said) > 8
    for address, body in walk.said.items():
        assert planted.found(walk.secrets, body) == set(), address


def test_no_column_has_one(walk: Walk) -> None:
    """Secrets stand sealed or hashed; an invite's code in its own column alone."""
    found = planted.in_tables(walk.product.demo.running_database().admin_url, walk.secrets)
    for column, names in found.items():
        assert names <= ALLOWED.get(column, set()), column


def test_no_dump_has_one(walk: Walk) -> None:
    """What a backup holds: every secret but the code of an invite."""
    url = walk.product.demo.running_database().admin_url
    dump = subprocess.run([binary("pg_dump"), url], capture_output=True, check=True).stdout
    assert b"CREATE POLICY" in dump and b"sealed_session" in dump
    assert planted.found(walk.secrets, dump) <= {"invite code"}


def test_no_file_has_one(walk: Walk) -> None:
    """Nothing that any process left in the installation's folder: states, caches, the servers' own files."""
    folder = walk.product.demo.folder.path
    found = planted.in_files(folder, walk.secrets, KEPT)
    assert {name: ones for name, ones in found.items() if not name.startswith(TELEGRAM)} == {}


def test_no_trace_has_one(walk: Walk) -> None:
    """A traceback shows no local variable, and hides what looks like a secret in an exception's own words."""
    program = """
import json, logging, sys, structlog
from tg_assistant.infra.logging import logs
logs.configure(process="web")
def fails(held, said):
    secret = list(held.values())
    raise RuntimeError(f"refused {said}")
held = json.load(sys.stdin)
said = [held[name] for name in ("bot token", "access token")]
for log in (structlog.get_logger("a"), logging.getLogger("b")):
    for one in ("", *said, f"postgresql://tg_app:{held['database password (app)']}@db/x"):
        try:
            fails(held, one)
        except RuntimeError:
            log.exception("it.failed")
fails(held, "")
"""
    told = json.dumps(walk.secrets).encode()
    done = subprocess.run([sys.executable, "-c", program], input=told, capture_output=True, check=False)
    assert done.returncode == 1 and done.stdout.count(b"Traceback") >= 2 and done.stderr == b""
    assert planted.found(walk.secrets, done.stdout + done.stderr) == set()


def test_the_check_would_notice(walk: Walk, tmp_path: Path) -> None:
    """A secret in any spelling in a log is found; otherwise all of the above would prove nothing."""
    for name, secret in walk.secrets.items():
        for form in planted.forms(secret):
            (tmp_path / "web.log").write_bytes(b'{"event": "' + form + b'"}')
            assert name in planted.in_logs(tmp_path, walk.secrets).get("web.log", set())
