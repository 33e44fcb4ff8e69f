"""Connections that ask for nothing: counted from the handshake, closed when silent, in nobody's way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from starlette.types import Message, Scope

from tests.attacks.test_flooded_sockets import memory_of
from tests.pages.conftest import People, Web, db, frontend, people, serving
from tests.sockets import open_when_there_is_room, sign_in
from tg_assistant.demo.postgres import Postgres
from tg_assistant.sockets import connection_limits
from tg_assistant.sockets.connection_limits import MAX_PER_ADDRESS, Connection, Gate
from tg_assistant.web import process

__all__ = ["db", "frontend", "people"]


@pytest.fixture(scope="module")
def web(frontend: None, database: Postgres, workdir: Path) -> Iterator[Web]:
    """Behind one proxy, so that a test comes from as many addresses as it likes; and as fast."""
    with serving(
        database, workdir, settings={"TRUSTED_PROXY_HOPS": "1", "RATE_LIMIT_SOCKET": "100000:1"}
    ) as running:
        yield running


def address_of(web: Web, query: str = "") -> str:
    return f"{web.url}/_event/?{query or f'EIO=4&transport=websocket&token={uuid4()}'}"


@asynccontextmanager
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that has as many connections as it likes."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


async def bare(
    session: aiohttp.ClientSession, web: Web, client: str
) -> aiohttp.ClientWebSocketResponse | None:
    """A connection without a namespace, or None where it is refused."""
    with suppress(aiohttp.ClientError):
        return await session.ws_connect(
            address_of(web), headers={"X-Forwarded-For": client}, timeout=aiohttp.ClientWSTimeout()
        )
    return None


async def closed(socket: aiohttp.ClientWebSocketResponse) -> bool:
    """Whether the server ends it within a minute."""
    async with asyncio.timeout(60):
        while (await socket.receive()).type == aiohttp.WSMsgType.TEXT:
            pass
    return True


async def test_fifteen_hundred_bare_connections_of_one_address(web: Web) -> None:
    """60 are held, as of those that ask for more; they go by themselves, and the place is free again."""
    async with browser() as session:
        tried = [await bare(session, web, "203.0.113.5") for _ in range(1_500)]
        held = [one for one in tried if one is not None]
        assert (
            MAX_PER_ADDRESS - 5 <= len(held) <= MAX_PER_ADDRESS + 5
        )  # a slow machine closes the first meanwhile
        assert all(await asyncio.gather(*(closed(one) for one in held)))
        async with asyncio.timeout(60):
            while (again := await bare(session, web, "203.0.113.5")) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await again.close()
    assert 0 < web.log.read_text().count('"too_many_sockets"') <= 3


async def test_a_connection_that_left_the_namespace_is_silent_again(web: Web) -> None:
    """Coming and leaving is no way to stay; neither are pongs, nor asking for a namespace there is not."""
    async with browser() as session:
        for frames in (["40/_event,", "41/_event,"], ["3", "3"], ["40/other,", "2probe"]):
            one = await bare(session, web, "203.0.113.6")
            assert one is not None
            for frame in frames:
                await one.send_str(frame)
            assert await closed(one)


async def test_somebody_gets_in_while_thousands_come_from_everywhere(web: Web, people: People) -> None:
    """1,200 connections of 300 addresses: the oldest of nobody's give way, whoever has signed in stays."""
    anna, max_ = await people.member(), await people.member()
    before = memory_of(web)
    async with AsyncExitStack() as opened, browser() as session:
        hers = await opened.enter_async_context(open_when_there_is_room(web))
        await sign_in(web, hers, anna.telegram_id)
        for number in range(1_200):
            await bare(session, web, f"198.51.{number % 300 // 200}.{number % 200}")
        his = await opened.enter_async_context(open_when_there_is_room(web))
        await sign_in(web, his, max_.telegram_id)
        assert hers.connected and his.connected
    print(f"memory: {before} → {memory_of(web)} MB")
    assert memory_of(web) - before < 150


@pytest.mark.parametrize(
    "query",
    [
        *("", "EIO=4&transport=polling", "EIO=4&transport=websocket", "EIO=3&transport=websocket&token={}"),
        *("EIO=4&transport=websocket&token={}&sid=x", "EIO=4&transport=websocket&token={}&token={}"),
        *("EIO=4&transport=websocket&token={}&j=1", "EIO=4&transport=websocket&token=", "EIO=4&token={}"),
    ],
)
async def test_a_handshake_no_page_makes(web: Web, query: str) -> None:
    """Refused before Engine.IO keeps anything, over the websocket and over HTTP."""
    address = address_of(web, query.format(uuid4(), uuid4()) or "x")
    async with browser() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(address)
        for method in ("GET", "POST"):
            async with session.request(
                method, address, data=b"40/_event," if method == "POST" else None
            ) as answer:
                assert answer.status == 404 and await answer.read() == b""


class Wire:
    """Connections as the gate sees them, without a network: opened, signed in on, and ended by hand."""

    def __init__(self) -> None:
        self.gate = Gate(self._serve, lambda scope: scope["client"][0])
        self.open: list[Connection] = []
        self.ended: list[Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, scope: Scope, receive: Any, send: Any) -> None:
        connection = scope[connection_limits._KEY]
        self.open.append(connection)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        self.ended.append(connection)

    async def connect(self, client: str) -> bool:
        """Whether it was let in."""
        before = len(self.open)
        query = f"EIO=4&transport=websocket&token={uuid4()}".encode()
        scope = {
            "type": "websocket",
            "path": "/_event/",
            "query_string": query,
            "headers": [],
            "client": (client, 1),
        }
        told: asyncio.Queue[Message] = asyncio.Queue()
        await told.put({"type": "websocket.connect"})
        task = asyncio.create_task(self.gate(scope, told.get, self._say))
        self._tasks.add(task)
        for _ in range(3):
            await asyncio.sleep(0)
        return len(self.open) > before

    async def _say(self, message: Message) -> None:
        pass

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
async def wire(settings: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Wire]:
    monkeypatch.setattr(process, "_settings", settings)
    made = Wire()
    yield made
    await made.close()
    assert not made.gate._open and not made.gate._count and not made.gate._nobodys


async def test_of_nobodys_the_oldest_gives_way(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never somebody's; and in all there is an end."""
    monkeypatch.setattr(connection_limits, "MAX_NOBODYS", 5)
    monkeypatch.setattr(connection_limits, "MAX_OPEN", 8)
    for number in range(3):
        assert await wire.connect(f"192.0.2.{number}")
        wire.open[-1].belongs(f"person {number}")
    for number in range(5):
        assert await wire.connect(f"198.51.100.{number}")
    assert not await wire.connect("198.51.100.9")
    monkeypatch.setattr(connection_limits, "MAX_OPEN", 20)
    assert await wire.connect("198.51.100.9")
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.ended == [wire.open[3]]


async def test_a_person_has_an_end_too(wire: Wire) -> None:
    """Signing in frees the address's place, not the person's."""
    for _ in range(connection_limits.MAX_OF_PERSON + 1):
        assert await wire.connect("192.0.2.1")
        wire.open[-1].belongs("anna")
    for _ in range(5):
        await asyncio.sleep(0)
    assert wire.ended == [wire.open[-1]]
