"""Sockets of nobody, many and large: the web process keeps nothing of theirs and writes little about them."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest
import redis.asyncio as redis
from reflex.istate.manager.memory import StateManagerMemory
from reflex.istate.manager.token import BaseStateToken
from reflex_base.event import Event
from socketio.exceptions import ConnectionError as Refused

from tests.attacks.redis_server import running_redis
from tests.attacks.test_every_handler import client, find
from tests.pages.conftest import People, Web, db, frontend, people, serving, web
from tests.sockets import BOOT, name_of, open_socket, open_when_there_is_room, sign_in
from tg_assistant.core.access import rate_limits
from tg_assistant.demo.postgres import Postgres
from tg_assistant.sockets.namespace import PeopleOnly, Sockets
from tg_assistant.state import SessionState
from tg_assistant.tg_assistant import app

__all__ = ["db", "frontend", "people", "web"]
ANONYMOUS = 60  # sockets of one address on which nobody has signed in


def memory_of(web: Web) -> int:
    """Megabytes the web process and its worker hold."""
    children = Path(f"/proc/{web.process.pid}/task/{web.process.pid}/children").read_text().split()
    held = 0
    for pid in (str(web.process.pid), *children):
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        held += int(fields["VmRSS"].split()[0])
    return held // 1024


async def settled(web: Web) -> int:
    """What the process holds once it has loaded all it needs."""
    for _ in range(20):
        async with open_socket(web) as one:
            await one.send(BOOT)
            await asyncio.sleep(0.2)
    last = 0
    while abs(memory_of(web) - last) > 1:
        last = memory_of(web)
        await asyncio.sleep(3)
    return last


async def test_large_events_of_many_strangers(web: Web) -> None:
    """80 sockets, three events of almost a megabyte each: none of it is still held once they are closed."""
    before = await settled(web)
    for number in range(80):
        async with open_socket(web) as one:
            for event, values in (
                ("AddState.search", {"query": f"{number}" + "x" * 950_000}),
                ("AddState.choose_folder", {"folder": f"{number}" + "z" * 950_000}),
                ("SessionState.fail", {"code": "x", "values": {}, "reference": f"{number}" + "y" * 950_000}),
            ):
                if one.connected:
                    await one.send(event, values)
            await asyncio.sleep(0.1)
    for _ in range(60):  # seconds: the states go after their sockets
        if (after := memory_of(web)) - before < 30:
            break
        await asyncio.sleep(1)
    print(f"memory: {before} → {after} MB")
    assert after - before < 30


async def test_small_events_of_a_stranger_leave_nothing(web: Web) -> None:
    """What fits is dropped too: only the way to sign in is open, and a screen of nobody holds no words."""
    async with open_socket(web) as one:
        await one.send(BOOT)
        await one.send("AddState.search", {"query": "canary-of-a-stranger"})
        await one.send("AddState.choose_folder", {"folder": "canary-of-a-stranger"})
        await one.send("SessionState.fail", {"code": "x", "values": {}, "reference": "canary-of-a-stranger"})
        await one.hears("challenge")  # the socket itself works, and it is asked who is there
        await asyncio.sleep(1)
        assert "canary-of-a-stranger" not in str(one.heard)


async def test_more_sockets_than_an_address_has_screens(web: Web, people: People) -> None:
    """The 61st socket of nobody is refused; whoever has signed in takes no one's place."""
    anna = await people.member()
    async with AsyncExitStack() as opened:
        for _ in range(ANONYMOUS - 1):
            await opened.enter_async_context(open_when_there_is_room(web))
        one = await opened.enter_async_context(open_when_there_is_room(web))
        with pytest.raises(Refused):
            await opened.enter_async_context(open_socket(web))
        await sign_in(web, one, anna.telegram_id)
        await opened.enter_async_context(open_when_there_is_room(web))
        with pytest.raises(Refused):
            await opened.enter_async_context(open_socket(web))
    async with open_when_there_is_room(web) as again:
        assert again.connected


async def test_events_that_call_themselves_connect_and_disconnect(web: Web) -> None:
    """They are no way past the count, to another address, or to a second token."""
    forged = {"REMOTE_ADDR": "203.0.113.9", "QUERY_STRING": f"token={uuid4()}"}
    before = len(web.log.read_text())
    async with AsyncExitStack() as opened:
        for number in range(ANONYMOUS):  # few events each: all that comes from one address is counted, too
            one = await opened.enter_async_context(open_when_there_is_room(web))
            kind = ("disconnect", "connect", "connect_error")[number % 3]
            await one.emit(forged, kind)
            await one.emit((forged, forged, forged), kind)
        await asyncio.sleep(1)
        with pytest.raises(Refused):
            await opened.enter_async_context(open_socket(web))
    assert "Traceback" not in web.log.read_text()[before:]


@pytest.mark.parametrize("token", ["x", "a" * 37, "A" * 9_000, "../../etc", "%00" * 12])
async def test_a_client_token_no_browser_made(web: Web, token: str) -> None:
    """It is a key of memory and of Redis: only what looks like a UUID is one."""
    with pytest.raises(Refused):
        async with open_socket(web, token=token):
            pass


async def test_the_longest_question_fits(web: Web, people: People) -> None:
    """4,000 letters of four bytes: refused by no limit on the way, and shown."""
    question = "𐐷" * 4_000  # Deseret, not emoji: a question without a word is refused
    anna = await people.member()
    async with open_socket(web, path="/tg/app/ask") as one:
        await sign_in(web, one, anna.telegram_id)
        await one.send("AskState.ask", {"question": question, "question_id": uuid4().hex})
        await one.hears(question)
        assert one.connected


REPORT = {"info": "Error: canary-report " + "y" * 9_000, "component_stack": "at z" * 2_000}
FRONTEND = "FrontendEventExceptionState.handle_frontend_exception"


async def test_reports_of_browser_errors_by_the_hundred(web: Web, people: People) -> None:
    """Five a person, twenty a minute of all: the log grows by no more, whoever sends how much."""
    anna = await people.member()
    before = len(web.log.read_text())
    for _ in range(3):
        async with open_socket(web) as one:
            await sign_in(web, one, anna.telegram_id)
            for _ in range(20):
                await one.send(FRONTEND, REPORT)
                await one.emit({"error_type": "x", "message": "canary-report"}, "client_error")
            await asyncio.sleep(0.3)
    async with asyncio.timeout(60):
        while "page.browser_error" not in web.log.read_text()[before:]:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    written = web.log.read_text()[before:]
    lines = [line for line in written.splitlines() if "page.browser_error" in line]
    assert 0 < len(lines) <= 6  # one may come back while they are sent
    assert max(map(len, lines)) < 2_000 and len(written) < 50_000


async def test_reports_of_nobody_are_counted(web: Web) -> None:
    """A stranger writes no word into the log by saying it was their browser's."""
    before = len(web.log.read_text())
    async with open_socket(web) as one:
        for _ in range(10):
            await one.send(FRONTEND, REPORT)
            await one.emit({"error_type": "x", "message": "canary-report"}, "client_error")
        await one.send(BOOT)
        await one.hears("challenge")
    written = web.log.read_text()[before:]
    assert "canary-report" not in written and "page.browser_error" not in written


def test_an_ipv6_network_is_one_client() -> None:
    """A socket is counted as a request is: by the /64, of which everybody has 2⁶⁴ addresses."""
    assert (
        rate_limits.key_of("2001:db8:1:2:3:4:5:6")
        == rate_limits.key_of("2001:db8:1:2::9")
        == "2001:db8:1:2::"
    )
    assert rate_limits.key_of("::ffff:192.0.2.1") == "192.0.2.1"


async def test_the_state_of_nobody_goes_with_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """In memory: what was never anybody's is forgotten; what a person typed is kept for their next socket."""
    monkeypatch.setattr("tg_assistant.sockets.namespace._FORGET_SECONDS", 0)
    manager, door = app.state_manager, app.event_namespace
    assert isinstance(door, Sockets) and isinstance(manager, StateManagerMemory)
    for token, known in (("nobody", False), ("somebody", True)):
        root = await manager.get_state(BaseStateToken(ident=token, cls=SessionState))
        (await root.get_state(SessionState))._kept_known = known
        await door._forget(token)
        assert (token in manager.states) is known
    await manager.close()


async def test_the_state_of_nobody_goes_from_redis(
    frontend: None, database: Postgres, workdir: Path, people: People
) -> None:
    """Where several workers share it: no key of a closed socket on which nobody has signed in."""
    anna = await people.member()
    with running_redis() as server, serving(database, workdir, settings={"REDIS_URL": server.url}) as web:
        store = redis.from_url(server.url)
        nobody, somebody = str(uuid4()), str(uuid4())
        async with open_socket(web, token=nobody) as one, open_socket(web, token=somebody) as other:
            await one.send(BOOT)
            await sign_in(web, other, anna.telegram_id)
            async with asyncio.timeout(60):
                while not await store.keys(f"{nobody}_*"):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
        async with asyncio.timeout(60):
            while await store.keys(f"*{nobody}*"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        assert await store.keys(f"{somebody}_*")
        await store.aclose()


async def test_a_page_whose_state_has_run_out_is_asked_once() -> None:
    """Its event is dropped, and the challenge brings it back; further events ask no more often."""
    root = client()
    event = Event(name=name_of("AddState.toggle"))
    first = await PeopleOnly().preprocess(app, root, event)
    assert first is not None and [one.name for one in first.events] == [name_of("SessionState.page_opened")]
    SessionState.page_opened.fn(find(root, SessionState))
    again = await PeopleOnly().preprocess(app, root, event)
    assert again is not None and not again.events
    for name in ("SessionState.present", "LandingState.load", BOOT):
        assert await PeopleOnly().preprocess(app, root, Event(name=name_of(name))) is None
