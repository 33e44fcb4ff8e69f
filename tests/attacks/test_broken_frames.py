"""Bytes below Reflex's events: frames no library of ours would send, on the websocket and by polling."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.pages.conftest import People, Web, db, frontend, people, serving
from tests.sockets import open_socket, sign_in
from tg_assistant.demo.postgres import Postgres

__all__ = ["db", "frontend", "people"]


@pytest.fixture(scope="module")
def web(frontend: None, database: Postgres, workdir: Path) -> Iterator[Web]:
    """How much a socket may send is an attack of its own; here fifty frames of each kind must get in."""
    with serving(database, workdir, settings={"RATE_LIMIT_SOCKET": "1000000:1"}) as running:
        yield running


DEEP = "[" * 30_000
FRAMES: list[str | bytes] = [
    *("", "0", "1", "3", "4", "5", "6", "9", "garbage", "\x00", "4x", "49", "4\x00", "42", "40"),
    "41/nothing,",
    *("42/_event,", "42/_event,not json", "42/_event,{}", "42/_event,[]", "42/_event,null", "42/_event,5"),
    *('42/_event,[[1]]', "42/_event,[{}]", "42/_event,[1,2]", "42/_event,[null]", "42/_event,[true]"),
    *('42["event",{}]', '42/other,["event",{}]', "42/_event," + DEEP, f'42/_event,["event",{DEEP}]'),
    *('42/_event,["event","\\ud83d"]', "42/_event,[" + "9" * 5_000 + "]", '42/_event,9999999999999["event"]'),
    *('43/_event,1["x"]', "43/_event,", '44/_event,{"message":"x"}', '451-/_event,["event"]', "45/_event,"),
    *('4599999999-/_event,["event",{"_placeholder":true,"num":0}]', "46/_event,", "40/_event,not json"),
    *("40/nothing,", "40/_event,[]", '40/_event,{"event":{"name":5}}', '40/_event,{"state_schema":"\\n"}'),
    *(b"", b"\x00", b"\x04", b"x" * 60_000),
]  # fmt: skip


@asynccontextmanager
async def raw_socket(web: Web, first: str = "40/_event,") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A websocket on which the namespace is open, as a page's is."""
    address = f"{web.url}/_event/?EIO=4&transport=websocket&token={uuid4()}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address) as socket:
        await socket.receive(timeout=60)
        await socket.send_str(first)
        yield socket


async def send(socket: aiohttp.ClientWebSocketResponse, frame: str | bytes) -> None:
    """Nothing is sent on a connection that the server has ended, or is ending this moment."""
    with suppress(aiohttp.ClientError):
        if socket.closed:
            return
        if isinstance(frame, bytes):
            await socket.send_bytes(frame)
        else:
            await socket.send_str(frame)


@pytest.mark.parametrize("frame", FRAMES, ids=range(len(FRAMES)))
async def test_a_broken_frame_costs_no_more_than_itself(web: Web, frame: str | bytes) -> None:
    """Fifty of each on one socket: no traceback and few lines in the log, and the next page is served."""
    before = len(web.log.read_text())
    async with raw_socket(web) as socket:
        for _ in range(50):
            await send(socket, frame)
        await asyncio.sleep(0.2)
    written = web.log.read_text()[before:]
    assert "Traceback" not in written and len(written) < 6_000, written[:3_000]


async def test_somebody_is_served_meanwhile(web: Web, people: People) -> None:
    """A person's page works while broken frames come in, and after."""
    anna = await people.member()
    async with raw_socket(web) as broken, open_socket(web) as hers:
        for frame in FRAMES:
            await send(broken, frame)
        await sign_in(web, hers, anna.telegram_id)
        assert hers.connected


async def test_binary_pieces_without_end(web: Web) -> None:
    """Ten billion pieces announced: none is gathered, the connection ends before the second comes."""
    async with raw_socket(web) as socket:
        await socket.send_str("4" + '59999999999-/_event,["event",{"_placeholder":true,"num":0}]')
        async with asyncio.timeout(60):
            while (await socket.receive()).type not in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                await send(socket, b"x" * 60_000)
        assert socket.closed


async def test_headers_that_reflex_repeats(web: Web) -> None:
    """A made-up version of the page, and of its state, is told of in short lines and few, or in none."""
    before = len(web.log.read_text())
    for _ in range(60):
        async with open_socket(web, headers={"Sec-WebSocket-Protocol": "v" * 6_000}) as one:
            assert one.connected
    await asyncio.sleep(0.3)
    written = web.log.read_text()[before:]
    assert len(written) < 12_000
