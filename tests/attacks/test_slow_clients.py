"""Clients that send slowly or nothing: hung up on or refused after seconds, and nobody waits for them."""

import asyncio
from contextlib import suppress

import httpx

from tests.pages.conftest import Web, db, frontend, people, web

__all__ = ["db", "frontend", "people", "web"]
HEAD = b"POST /api/auth/telegram-webapp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SLOW = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a head": b"GET /health HTTP/1.1\r\nHost: x\r\nX-A: ",
    "no body": HEAD + b"Content-Length: 100\r\n\r\n",
    "half a body": HEAD + b'Content-Length: 100\r\n\r\n{"init_data": "',
    "half a chunk": HEAD + b'Transfer-Encoding: chunked\r\n\r\n40\r\n{"init',
    "no body for a page": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
    "no body for the socket": b"POST /_event/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
}


async def done_with(port: int, sent: bytes, drops: bytes = b"") -> bool:
    """Whether the server hangs up or refuses within a minute, whatever drips in meanwhile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(60):
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await reader.read(1_000)
                        return True
                writer.write(drops)
    except TimeoutError:
        return False
    except OSError:
        return True
    finally:
        writer.close()


async def test_slow_requests_end(web: Web) -> None:
    """Ten of each at once, silent or sending a letter a second; somebody else is answered meanwhile."""
    port = int(web.url.rpartition(":")[2])
    ways = {
        f"{way}, {'dripping' if drops else 'silent'}": (sent, drops)
        for way, sent in SLOW.items()
        for drops in (b"", b"x")
    }
    slow = {
        way: [asyncio.create_task(done_with(port, *each)) for _ in range(10)] for way, each in ways.items()
    }
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        assert (await http.get(f"{web.url}/health")).status_code == 200
    ended = {way: all(await asyncio.gather(*each)) for way, each in slow.items()}
    late = [way for way, well in ended.items() if not well]
    assert late == []
    assert "Traceback" not in web.log.read_text() and "request.failed" not in web.log.read_text()


async def test_thousands_that_say_nothing(web: Web) -> None:
    """More connections than the server took of itself: the next one is answered all the same."""
    port = int(web.url.rpartition(":")[2])
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(1_500)]
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=4) as http:  # they are hung up on after ten
            assert (await http.get(f"{web.url}/health")).status_code == 200
    finally:
        for _, writer in opened:
            writer.close()
