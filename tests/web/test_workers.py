"""Two workers of one web process: metrics are of both, and health is, too."""

import asyncio
import os
import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.attacks.redis_server import running_redis
from tests.pages.conftest import frontend, serving
from tg_assistant.demo.ports import free_port
from tg_assistant.demo.postgres import Postgres

__all__ = ["frontend"]
REQUESTS = 60
_COUNTED = re.compile(r'^http_requests_total\{[^}]*route="/ready"[^}]*\} (\S+)$', re.MULTILINE)


def workers_of(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


async def says(url: str) -> int | None:
    """The status; None when nothing comes."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=8) as http:
            return (await http.get(url)).status_code
    except httpx.TransportError:
        return None


async def until(url: str, well: bool) -> None:
    async with asyncio.timeout(60):
        while (await says(url) == 200) is not well:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.2)


async def test_all_workers_are_counted_and_looked_at(
    frontend: None, database: Postgres, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answered is counted once; whichever is stuck, the process is not well until it goes on."""
    monkeypatch.setenv("GRANIAN_WORKERS", "2")
    port = free_port()
    inside = f"http://127.0.0.1:{port}"
    with running_redis() as server:
        settings = {"REDIS_URL": server.url, "HEALTH_PORT": str(port)}
        with serving(database, workdir, settings=settings) as web:
            pids = workers_of(web.process.pid)
            assert len(pids) == 2
            await until(f"{inside}/live", well=True)
            async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
                for _ in range(REQUESTS):  # a connection each, so that both workers get some
                    headers = {"Connection": "close"}
                    assert (await http.get(f"{web.url}/ready", headers=headers)).is_success
                page = (await http.get(f"{inside}/metrics")).text
            assert sum(map(float, _COUNTED.findall(page))) == REQUESTS
            assert page.count("event_loop_lag_seconds ") == 3  # its help, its type, and one value for both
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
                try:
                    await until(f"{inside}/live", well=False)
                finally:
                    os.kill(pid, signal.SIGCONT)
                await until(f"{inside}/live", well=True)
