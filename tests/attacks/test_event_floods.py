"""One socket sends without end: it is cut off, the log stays short, and nobody else waits."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from socketio.exceptions import ConnectionError as Refused

from tests.pages.conftest import People, Web, db, frontend, people, serving, web
from tests.sockets import BOOT, Socket, open_socket, open_when_there_is_room, sign_in
from tg_assistant.demo.postgres import Postgres
from tg_assistant.sockets.token_bucket import Pace

__all__ = ["db", "frontend", "people", "web"]
AT_ONCE, SECONDS = 60, 3  # RATE_LIMIT_SOCKET's default


@pytest.fixture(scope="module")
def unforgiving(frontend: None, database: Postgres, workdir: Path) -> Iterator[Web]:
    """What was spent comes back slowly here, so that a busy machine is fast enough to spend it."""
    with serving(database, workdir, settings={"RATE_LIMIT_SOCKET": f"{AT_ONCE}:90"}) as running:
        yield running


async def cut_off(socket: Socket, seconds: float = 60) -> bool:
    """Whether the server hangs up on it."""
    try:
        async with asyncio.timeout(seconds):
            while socket.connected:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
    except TimeoutError:
        return False
    return True


async def flood(socket: Socket, events: int, kind: str = "event") -> None:
    for _ in range(events):
        if not socket.connected:
            return
        if kind == "event":
            await socket.send("SessionState.page_opened")
        else:
            await socket.emit({"error_type": "x", "message": "y" * 500}, kind)


async def all_heard(socket: Socket) -> None:
    """Wait until the server has said all it has to say."""
    heard = -1
    while len(socket.heard) != heard:
        heard = len(socket.heard)
        await asyncio.sleep(1)


async def seconds_to_answer(socket: Socket) -> float:
    began, heard = time.monotonic(), len(socket.heard)
    await socket.send("SessionState.page_opened")
    async with asyncio.timeout(60):
        while len(socket.heard) == heard:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_two_thousand_events_on_one_socket(web: Web, people: People) -> None:
    """The flooder is cut and told of in a line; meanwhile somebody else's page answers within seconds."""
    anna, eve = await people.member(), await people.member()
    before = len(web.log.read_text())
    async with open_socket(web) as hers, open_socket(web) as flooding:
        await sign_in(web, hers, anna.telegram_id)
        await sign_in(web, flooding, eve.telegram_id)
        sending = asyncio.create_task(flood(flooding, 2_000))
        waits = [await seconds_to_answer(hers) for _ in range(5)]
        await sending
        assert await cut_off(flooding)
        assert hers.connected
    print("seconds a page of somebody else waited:", waits)
    assert min(waits) < 4
    async with asyncio.timeout(60):
        while "too_many_events" not in (written := web.log.read_text()[before:]):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    assert 0 < written.count("too_many_events") <= 3 and "Traceback" not in written


async def test_coming_back_buys_no_more(unforgiving: Web, people: People) -> None:
    """A person's sockets share five times one socket's events; a page that behaves again is served again."""
    eve = await people.member()
    async with AsyncExitStack() as opened:
        tabs = [await opened.enter_async_context(open_socket(unforgiving)) for _ in range(9)]
        for one in tabs:
            await sign_in(unforgiving, one, eve.telegram_id)
        await asyncio.gather(*(flood(one, AT_ONCE - 10) for one in tabs))  # each less than it may send itself
        async with asyncio.timeout(60):
            while all(one.connected for one in tabs):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
    await asyncio.sleep(SECONDS)
    async with open_socket(unforgiving) as again:
        await sign_in(unforgiving, again, eve.telegram_id)
        await seconds_to_answer(again)
        assert again.connected


@pytest.mark.parametrize("kind", ["ping", "client_error", "connect", "disconnect", "nothing", "event", ""])
async def test_floods_under_any_name_by_nobody(web: Web, kind: str) -> None:
    """Reflex's own events, made-up ones and those with too many values: cut, without a traceback."""
    before = len(web.log.read_text())
    async with open_socket(web) as one:
        await one.send(BOOT)
        for _ in range(3_000):  # 300 are enough where they are sent at once
            if one.connected:
                await one.emit(({"a": 1}, 2, 3), kind)
        assert await cut_off(one)
    await asyncio.sleep(0.5)
    written = web.log.read_text()[before:]
    assert "Traceback" not in written and len(written) < 20_000, written[:2_000]


async def test_more_connections_than_a_browser_makes(unforgiving: Web) -> None:
    """An address that opens and leaves sockets without end is refused for a while, and let in again."""
    refused = 0
    for _ in range(AT_ONCE * 8):
        try:
            async with open_socket(unforgiving):
                pass
        except Refused:
            refused += 1
            break
    assert refused
    async with open_when_there_is_room(unforgiving) as one:
        assert one.connected


async def test_a_hasty_person_is_not_cut(web: Web, people: People) -> None:
    """Twelve taps a second for six seconds, with a reconnect and a page of forty events at once between."""
    anna = await people.member()
    for _ in range(2):
        async with open_socket(web) as one:
            await sign_in(web, one, anna.telegram_id)
            await flood(one, 40)
            await asyncio.sleep(2)
            await all_heard(one)  # a server that stalled would have all at once otherwise
            for _ in range(36):
                await flood(one, 1)
                await asyncio.sleep(1 / 12)
            assert one.connected


def test_a_bucket_fills_again() -> None:
    """So many at once, then as many as time brings; others have their own, and silence is forgotten."""
    now = [0.0]
    pace = Pace(3, 6, lambda: now[0])
    assert [pace.take("a") for _ in range(5)] == [True, True, True, False, False]
    assert pace.take("b")
    now[0] = 2.0
    assert [pace.take("a") for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [pace.take("a") for _ in range(4)] == [True, True, True, False]
    for number in range(1_000):
        now[0] += 6
        assert pace.take(str(number))
    assert len(pace._buckets) < 1_000
