"""The small health server: what it answers, and that nonsense does not stop it."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from tg_assistant.demo.ports import free_port
from tg_assistant.infra.health import serve_health


@pytest.fixture
async def checks() -> dict[str, bool]:
    return {"database": True}


@pytest.fixture
async def live() -> dict[str, bool]:
    return {"loop": True}


@pytest.fixture
async def url(checks: dict[str, bool], live: dict[str, bool]) -> AsyncIterator[str]:
    port = free_port()

    async def check() -> dict[str, bool]:
        return checks

    async def lives() -> Mapping[str, bool]:
        return dict(live)

    serving = asyncio.create_task(serve_health(port, check, live=lives))
    async with asyncio.timeout(60):
        while not await _listens(port):  # noqa: ASYNC110 - another task
            await asyncio.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_well_and_failing(url: str, checks: dict[str, bool]) -> None:
    """200 while every check holds; 503 with the failing one's name; 404 elsewhere."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        well = {"status": "ok", "checks": {"loop": True, "database": True}}
        assert (await http.get("/health")).json() == well
        checks["leases"] = False
        answer = await http.get("/health?x=1")
        assert (answer.status_code, answer.json()["failing"]) == (503, ["leases"])
        assert (await http.get("/other")).status_code == 404


async def test_live_is_what_a_restart_would_mend(
    url: str, checks: dict[str, bool], live: dict[str, bool]
) -> None:
    """A neighbour that is away is in `/health` alone: a restart of this process would not mend it."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        checks["database"] = False
        assert (await http.get("/live")).json() == {"status": "ok", "checks": {"loop": True}}
        assert (await http.get("/health")).status_code == 503
        live["loop"] = False
        answer = await http.get("/live")
        assert (answer.status_code, answer.json()["failing"]) == (503, ["loop"])


async def test_nonsense_is_dropped(url: str) -> None:
    """A request without words and one without an end are closed, and the next is answered."""
    host, port = url.removeprefix("http://").split(":")
    for nonsense in (b"\r\n\r\n", b"x" * 20000):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(nonsense)
        await reader.read()
        writer.close()
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        assert (await http.get("/health")).status_code == 200


async def test_metrics_stand_on_the_internal_port(url: str) -> None:
    """Prometheus reads them here, in its text format."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE http_requests_total counter" in answer.text
