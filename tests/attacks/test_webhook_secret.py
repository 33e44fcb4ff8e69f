"""The webhook's secret header: whatever bytes stand in it, a stranger gets the same refusal."""

import asyncio
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import webhook


@pytest.mark.parametrize(
    "given", [b"\xff", b"\xed\xa0\x80", b"s\xc3", "ключ".encode(), b"s" * 39, b"s" * 5000, b""], ids=ascii
)
async def test_a_header_that_is_no_text(given: bytes):
    """401 as for any wrong secret: no 500, which would tell and cost more."""
    app = web.Application()
    app.router.add_post("/", webhook._receiver(cast(Any, None), "s" * 40))
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n")
        writer.write(b"X-Telegram-Bot-Api-Secret-Token: " + given + b"\r\n\r\n{}")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 401"), answer[:200]
