"""Redis is killed in the middle of the web process's work, and comes back empty, as another server."""

import asyncio
import json
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx

from tests.attacks.redis_server import running_redis
from tests.pages.conftest import People, db, frontend, people, serving
from tests.people import init_data
from tests.sockets import BOOT, open_socket, sign_in
from tg_assistant.demo.postgres import Postgres

__all__ = ["db", "frontend", "people"]
CANARY = "canary-of-a-caller"


def sign_in_body(telegram_id: int) -> dict[str, str]:
    return {"init_data": init_data({"id": telegram_id, "first_name": CANARY}, query_id=uuid4().hex)}


async def test_it_is_lost_and_comes_back_empty(
    frontend: None, database: Postgres, workdir, people: People, at_length: bool
) -> None:
    """Doors that count fail closed, reading goes on, few lines are written; then nobody is anybody else."""
    anna, max_ = await people.member(), await people.member()
    with running_redis() as server, serving(database, workdir, settings={"REDIS_URL": server.url}) as web:
        async with (
            AsyncExitStack() as sockets,
            httpx.AsyncClient(trust_env=False, timeout=60, base_url=web.url) as http,
        ):
            before = await sockets.enter_async_context(open_socket(web))
            await sign_in(web, before, anna.telegram_id)
            answer = await http.post("/api/auth/telegram-webapp", json=sign_in_body(max_.telegram_id))
            http.cookies.clear()
            mine = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            written = web.log.stat().st_size
            server.kill()
            for _ in range(200 if at_length else 40):
                refused = await http.post("/api/auth/telegram-webapp", json=sign_in_body(max_.telegram_id))
                assert refused.status_code == 503 and "set-cookie" not in refused.headers
                await before.send("SessionState.present", {"answer": {"secret": CANARY}})
            for method, path in (("POST", "/api/tg/qr/start"), ("POST", "/api/invites/redeem")):
                closed = await http.request(method, path, json={"code": "A" * 12}, headers=mine)
                assert closed.status_code == 503
            assert (await http.get("/api/users/me", headers=mine)).json()["telegram_id"] == max_.telegram_id
            async with asyncio.timeout(60):  # a worker that loads its model may be late for once
                while (await http.get("/health")).status_code != 200:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.2)
            lines = web.log.read_bytes()[written:].decode(errors="replace").splitlines()
            assert CANARY not in "".join(lines)
            unavailable = [line for line in lines if "limits.unavailable" in line and '"error"' in line]
            assert len(unavailable) <= 2, "a line a minute"
            assert sum("Traceback" in line for line in lines) <= 2
            assert sum(map(len, lines)) < 100_000
            server.start()
            async with asyncio.timeout(60):
                while (await http.get("/health/auth")).json()["failing"].count("limits"):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            after = await sockets.enter_async_context(open_socket(web))
            await sign_in(web, after, max_.telegram_id)
            old = await sockets.enter_async_context(open_socket(web))
            await old.send(BOOT)
            said = json.dumps([before.heard[-5:], old.heard], default=str, ensure_ascii=False)
            assert str(max_.telegram_id) not in said
            me = await http.get("/api/users/me", headers=mine)
            assert me.json()["telegram_id"] == max_.telegram_id
