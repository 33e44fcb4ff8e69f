"""A sandbox a test, and unmodified Telethon and aiogram clients of it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.sessions import StringSession

from sandbox.control import Sandbox, run_sandbox

Connect = Callable[..., Awaitable[Any]]  # Telethon's own hints allow too much
Phone = Callable[..., Awaitable[Any]]


def trust(sandbox: Sandbox) -> None:
    """Point Telethon at this sandbox's key; both are process-wide in Telethon."""
    rsa._server_keys.clear()
    rsa.add_key(Path(sandbox.install["rsa_key_file"]).read_text(), old=False)
    TelegramClient._config = None


def make_client(sandbox: Sandbox, session: StringSession | None = None, **options: Any) -> Any:
    """A client that has not connected yet."""
    session = session or StringSession()
    if not session.server_address:
        session.set_dc(sandbox.install["dc_id"], "127.0.0.1", sandbox.mtproto_port)
    defaults = {
        "device_model": "Reader",
        "app_version": "1.0",
        "flood_sleep_threshold": 0,
        "retry_delay": 0.05,
    }
    return TelegramClient(
        session, sandbox.install["api_id"], sandbox.install["api_hash"], **{**defaults, **options}
    )


@pytest.fixture(scope="session")
async def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded world made once; tests start from a copy of its keys and posts."""
    folder = tmp_path_factory.mktemp("sandbox")
    async with run_sandbox(folder):
        return folder


@pytest.fixture
async def sandbox(tmp_path: Path, template: Path) -> AsyncIterator[Sandbox]:
    """A seeded sandbox; what a client did wrong fails the test that caused it."""
    shutil.copytree(template, tmp_path / "data")
    async with run_sandbox(tmp_path / "data") as running:
        trust(running)
        yield running
        assert list(running.violations) == []


@pytest.fixture
async def connect(sandbox: Sandbox) -> AsyncIterator[Connect]:
    """connect("anna") → a client logged in by QR; connect(None) → connected only."""
    clients: list[TelegramClient] = []

    async def open_client(person: str | None = "anna", **options: Any) -> TelegramClient:
        client = make_client(sandbox, **options)
        clients.append(client)
        await client.connect()
        if person:
            await log_in(sandbox, client, person)
        return client

    yield open_client
    for client in clients:
        await client.disconnect()


async def log_in(sandbox: Sandbox, client: TelegramClient, person: str) -> None:
    """By QR: show it, scan it, ask again."""
    login: Any = await client.qr_login()
    sandbox.phone(person).scan(login.url)
    await login.recreate()
    await client._on_login(login._resp.authorization.user)


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Bot]:
    """aiogram's Bot, talking to the sandbox."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(sandbox.bot_api_url))
    bot = Bot(sandbox.install["bot_token"], session=session)
    yield bot
    await session.close()


@pytest.fixture
async def phone(sandbox: Sandbox) -> AsyncIterator[Phone]:
    """phone("GET", "anna/me") → JSON of a phone endpoint; `status=` is the one expected."""
    async with aiohttp.ClientSession(sandbox.phone_url) as http:

        async def call(method: str, path: str, *, status: int = 200, **body: Any) -> Any:
            async with http.request(method, f"/phone-api/{path}", json=body or None) as response:
                assert response.status == status, await response.text()
                return await response.json()

        yield call
