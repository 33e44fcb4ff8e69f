"""Ingest as the real process: its health, its end on SIGTERM, and what a kill −9 leaves."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from sandbox.control import Sandbox
from tests.ingest.connecting import all_of, connect, eventually
from tests.servers import SESSION_KEY
from tg_assistant.core.actor import Actor
from tg_assistant.demo.ports import free_port
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account
from tg_assistant.settings.groups import Settings


def environment(settings: Settings, port: int) -> dict[str, str]:
    telegram = settings.telegram
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "test",
        "DATABASE_URL": settings.database.url.get_secret_value(),
        "SESSION_CRYPTO_KEY": SESSION_KEY,
        "BOT_TOKEN": telegram.bot_token.get_secret_value(),
        "TELEGRAM_API_ID": str(telegram.api_id),
        "TELEGRAM_API_HASH": telegram.api_hash.get_secret_value(),
        "TELEGRAM_DC_ID": str(telegram.dc_id),
        "TELEGRAM_DC_HOST": "127.0.0.1",
        "TELEGRAM_DC_PORT": str(telegram.dc_port),
        "TELEGRAM_RSA_KEY_FILE": str(telegram.rsa_key_file),
        "CHROMA_URL": "http://127.0.0.1:9",
        "HEALTH_PORT": str(port),
        "STUCK_SECONDS": "0",  # a process that a test stops for a minute goes on after it
    }


@asynccontextmanager
async def ingest_process(settings: Settings) -> AsyncIterator[tuple[Process, int]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest", env=environment(settings, port), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process, port
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def healthy(port: int) -> bool:
    try:
        async with httpx.AsyncClient(timeout=60) as http:
            return (await http.get(f"http://127.0.0.1:{port}/health")).status_code == 200
    except httpx.TransportError:
        return False


async def test_kill_and_restart(
    ingest_rt: Runtime, ingest_settings: Settings, sandbox: Sandbox, anna: Actor
) -> None:
    """Killed with −9 while connected: the next process waits for the lease, takes over, stops politely."""

    async def owner() -> str | None:
        accounts: list[Account] = await all_of(ingest_rt, Account)
        return accounts[0].lease_owner

    async with ingest_process(ingest_settings) as (first, port):
        await eventually(lambda: healthy(port), 60)
        await connect(ingest_rt, sandbox, anna)
        await eventually(owner)
        first.kill()
        await first.wait()
    dead = await owner()
    async with ingest_process(ingest_settings) as (second, port):

        async def taken_over() -> bool:
            return await owner() not in (dead, None)

        await eventually(taken_over, 60)
        asked = time.monotonic()
        second.send_signal(signal.SIGTERM)
        assert await second.wait() == 0
        assert time.monotonic() - asked < 30
    assert await owner() is None


async def test_health_names_what_fails(ingest_settings: Settings) -> None:
    """Without PostgreSQL the process stays up and says 503 with the check's name."""
    away = ingest_settings.database.model_copy(
        update={"url": type(ingest_settings.database.url)("postgresql://x:y@127.0.0.1:9/none")}
    )
    async with ingest_process(ingest_settings.model_copy(update={"database": away})) as (process, port):

        async def answered() -> bool:
            try:
                async with httpx.AsyncClient(timeout=60) as http:
                    answer = await http.get(f"http://127.0.0.1:{port}/health")
            except httpx.TransportError:
                return False
            assert answer.status_code == 503
            assert "database" in answer.json()["failing"]
            return True

        await eventually(answered, 60)
        assert process.returncode is None
