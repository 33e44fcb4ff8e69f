"""Everything hostile through every door of the real web process: few lines, none with what was sent."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.attacks import hostile
from tests.attacks.test_broken_frames import raw_socket, send
from tests.pages.conftest import People, Web, db, frontend, people, serving
from tests.sockets import BOOT, Socket, open_socket, sign_in
from tg_assistant.demo.postgres import Postgres

__all__ = ["db", "frontend", "people"]
ROUNDS = 3
MAX_WRITTEN = 12_000  # bytes for all rounds of a door: a line for each reason to refuse
Door = Callable[[Web, People], Awaitable[int]]


@pytest.fixture(scope="module")
def web(frontend: None, database: Postgres, workdir: Path) -> Iterator[Web]:
    """How much a socket may send is an attack of its own; here everything must get in."""
    with serving(database, workdir, settings={"RATE_LIMIT_SOCKET": "1000000:1"}) as running:
        yield running


async def throw(web: Web, what: list[bytes]) -> int:
    """Each on a connection of its own, some cut off in the middle; answers are read and forgotten."""
    room = asyncio.Semaphore(20)

    async def one(bytes_: bytes) -> None:
        async with room:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(web.url.rpartition(":")[2]))
            with suppress(OSError, TimeoutError):
                writer.write(bytes_)
                async with asyncio.timeout(2):
                    await reader.read(4_000)
            writer.close()

    await asyncio.gather(*(one(each) for each in what))
    return len(what)


async def engine(web: Web, _: People) -> int:
    """Handshakes of Engine.IO and requests to its address."""
    return await throw(web, hostile.ENGINE)


async def http(web: Web, _: People) -> int:
    """Pages and the API, by nobody."""
    return await throw(web, hostile.HTTP)


async def namespaces(web: Web, _: People) -> int:
    """What a connection may say as it asks for the namespace."""
    for auth in hostile.AUTH:
        async with raw_socket(web, f"40/_event,{auth}"):
            await asyncio.sleep(0.02)
    return len(hostile.AUTH)


async def frames(web: Web, _: People) -> int:
    """Socket.IO's own frames with made-up names."""
    for number in range(0, len(hostile.FRAMES), 10):
        async with raw_socket(web) as socket:
            for frame in hostile.FRAMES[number : number + 10]:
                await send(socket, frame)
            await asyncio.sleep(0.05)
    return len(hostile.FRAMES)


async def throw_events(one: Socket) -> None:
    """All of them; what comes back is forgotten, as a screen anew for each takes long to look through."""
    for event in hostile.EVENTS:
        await one.emit({"payload": {}, "router_data": {}} | event)
        one.heard.clear()


async def events_of_nobody(web: Web, _: People) -> int:
    """Events of Reflex's own states, which need no person."""
    async with open_socket(web) as one:
        await throw_events(one)
        await one.send("SessionState.page_opened")
        async with asyncio.timeout(60):
            while '"challenge' not in json.dumps(one.heard[-3:]):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
    return len(hostile.EVENTS)


async def events_of_a_member(web: Web, people: People) -> int:
    """The same by somebody signed in."""
    anna = await people.member()
    async with open_socket(web) as one:
        await sign_in(web, one, anna.telegram_id)
        await throw_events(one)
        await one.emit({}, "ping")
    return len(hostile.EVENTS)


DOORS: list[Door] = [engine, namespaces, frames, events_of_nobody, events_of_a_member]


async def settled(web: Web) -> str:
    """The log once nothing is added to it any more."""
    text = ""
    while text != (text := web.log.read_text(errors="replace")):  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.7)
    return text


def troubles(written: str) -> list[str]:
    """Lines that no stranger may cause."""
    words = ("Traceback", '"level": "error"', "Exception", hostile.MARK, hostile.MARK.upper())
    return [line[:400] for line in written.splitlines() if any(word in line for word in words)]


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
async def test_a_flood_through_a_door_is_told_of_in_few_lines(web: Web, people: People, door: Door) -> None:
    """Rounds of everything hostile: no traceback, no word of it, and a log that does not grow with them."""
    before = len(await settled(web))
    began, sent = time.monotonic(), 0
    for _ in range(ROUNDS):
        sent += await door(web, people)
    seconds = time.monotonic() - began
    written = (await settled(web))[before:]
    print(f"{door.__name__}: {sent} in {seconds:.1f} s, {len(written)} bytes")
    assert troubles(written) == []
    assert len(written) < MAX_WRITTEN, written[:4_000]
    async with open_socket(web) as somebody:
        await somebody.send(BOOT)
        await somebody.hears("challenge")


async def test_http_says_nothing_of_what_it_was_sent(web: Web, people: People) -> None:
    """Pages and the API by nobody: each refusal is a line of ours, without a word of what came."""
    before = len(await settled(web))
    sent = await http(web, people)
    written = (await settled(web))[before:]
    print(f"http: {sent}, {len(written)} bytes")
    assert troubles(written) == []
    assert len(written) < sent * 450
