"""A killed sandbox forgets nothing it acknowledged."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.sessions import StringSession

from tg_assistant.demo.ports import free_port

Start = Callable[[], Awaitable["Process"]]


class Process:
    """`python -m sandbox` as a child."""

    def __init__(self, child: asyncio.subprocess.Process, data: Path, ports: list[int]) -> None:
        self.child, self.data = child, data
        self.mtproto_port, self.bot_api_port, self.phone_port = ports
        self.install: dict[str, Any] = {}

    async def ready(self) -> None:
        """Wait until it answers."""
        for _ in range(1_200):
            try:
                assert (await self.get(f"http://127.0.0.1:{self.phone_port}/control/health"))["ok"]
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
        self.install = json.loads((self.data / "install.json").read_text())

    async def get(self, url: str, **body: Any) -> Any:
        """GET, or POST with a body."""
        async with aiohttp.ClientSession() as http:
            call = http.post(url, json=body) if body else http.get(url)
            async with call as response:
                return await response.json()

    async def phone(self, path: str, **body: Any) -> Any:
        return await self.get(f"http://127.0.0.1:{self.phone_port}/phone-api/{path}", **body)

    async def bot(self, method: str, **body: Any) -> Any:
        url = f"http://127.0.0.1:{self.bot_api_port}/bot{self.install['bot_token']}/{method}"
        return (await self.get(url, **body))["result"]

    async def kill(self) -> None:
        """−9, as a crash or a power cut would."""
        os.kill(self.child.pid, signal.SIGKILL)
        await self.child.wait()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """start() runs the sandbox on the same data and ports as before."""
    ports, running = [free_port() for _ in range(3)], []

    async def run() -> Process:
        names = ("--mtproto-port", "--bot-api-port", "--phone-port")
        options = [text for name, port in zip(names, ports, strict=True) for text in (name, str(port))]
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "sandbox",
            "--data",
            str(tmp_path / "data"),
            *options,
            stdout=asyncio.subprocess.DEVNULL,
        )
        process = Process(child, tmp_path / "data", ports)
        running.append(process)
        await process.ready()
        return process

    yield run
    for process in running:
        if process.child.returncode is None:
            process.child.terminate()
            assert await process.child.wait() == 0


async def _client(process: Process, saved: str = "") -> Any:
    rsa._server_keys.clear()
    rsa.add_key(Path(process.install["rsa_key_file"]).read_text(), old=False)
    session = StringSession(saved)
    session.set_dc(2, "127.0.0.1", process.mtproto_port)
    options: dict[str, Any] = {"connection_retries": 100, "retry_delay": 0.1}
    client = TelegramClient(
        session,
        process.install["api_id"],
        process.install["api_hash"],
        **options,
    )
    await client.connect()
    return client


async def test_kill_and_restart_keep_keys_posts_and_pts(start: Start) -> None:
    """The same session goes on reading, and finds what was posted and edited before the kill."""
    process = await start()
    client = await _client(process)
    login = await client.qr_login()
    await process.phone("anna/scanner", token=login.url)
    await login.recreate()
    await client.disconnect()
    channels = await process.phone("anna/channels")
    own = next(channel for channel in channels if channel["owned"])
    post = await process.phone(f"anna/channels/{own['id']}/posts", text="Перед падением")
    await process.kill()

    process = await start()
    client = await _client(process, client.session.save())
    assert (await client.get_me()).first_name == "Анна"
    dialog = next(each for each in await client.get_dialogs() if each.entity.id == own["id"])
    [message] = await client.get_messages(dialog.entity, limit=1)
    assert (message.id, message.raw_text) == (post["id"], "Перед падением")
    assert dialog.dialog.pts > 1
    await client.disconnect()
    assert await process.get(f"http://127.0.0.1:{process.phone_port}/control/violations") == []


async def test_kill_and_restart_keep_a_code_being_shown(start: Start) -> None:
    """A login begun before the kill can be finished after it."""
    process = await start()
    client = await _client(process)
    login = await client.qr_login()
    await process.kill()
    process = await start()
    await process.phone("max/scanner", token=login.url)
    await login.recreate()
    assert login._resp.authorization.user.first_name == "Max"
    await client.disconnect()


async def test_kill_and_restart_keep_the_bots_updates(start: Start) -> None:
    """Unconfirmed updates come again with the same ids, confirmed ones do not; ids go on rising."""
    process = await start()
    for text in ("one", "two"):
        await process.phone("anna/bot/messages", text=text)
    [first, second] = await process.bot("getUpdates", timeout=0)
    await process.bot("getUpdates", offset=second["update_id"])
    await process.kill()
    process = await start()
    assert await process.bot("getUpdates", timeout=0) == [second]
    await process.phone("anna/bot/messages", text="three")
    [_, third] = await process.bot("getUpdates", timeout=0)
    assert third["update_id"] == second["update_id"] + 1 == first["update_id"] + 2
    assert third["message"]["message_id"] > second["message"]["message_id"]
