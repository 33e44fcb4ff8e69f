"""The page's side of Reflex's protocol, for tests that send what no page of ours would."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import reflex as rx
import socketio
from socketio.exceptions import ConnectionError as Refused
from socketio.exceptions import SocketIOError

from tests.pages.conftest import Web
from tests.people import init_data
from tg_assistant import pages

BOOT = "reflex___state____state.hydrate_and_load"


def name_of(handler: str) -> str:
    """Reflex's name of "State.handler"."""
    pages.load()
    state, _, name = handler.rpartition(".")
    return f"{_full_names()[state]}.{name}" if state in _full_names() else handler


def _full_names(parent: Any = rx.State) -> dict[str, str]:
    found: dict[str, str] = {}
    for state in parent.get_substates():
        found[state.__name__] = state.get_full_name()
        found |= _full_names(state)
    return found


def _dumps(value: Any, **options: Any) -> str:
    """JSON as an attacker writes it: half surrogate pairs, and a number that is infinite."""
    return json.dumps(value, **options | {"ensure_ascii": True}).replace("Infinity", "1e400")


_RAW = SimpleNamespace(dumps=_dumps, loads=json.loads)


class Socket:
    """One open connection; what it is told is kept in `heard`."""

    def __init__(self, client: socketio.AsyncClient, path: str) -> None:
        self._client, self.path = client, path
        self.heard: list[Any] = []
        client.on("event", self.heard.append, namespace="/_event")

    @property
    def connected(self) -> bool:
        return self._client.connected

    async def send(self, handler: str, payload: Any = None, **more: Any) -> None:
        """One event as a page sends it; `more` replaces its other fields."""
        where = {"pathname": self.path, "asPath": self.path, "query": {}}
        event = {
            "name": name_of(handler),
            "payload": {} if payload is None else payload,
            "router_data": where,
        }
        await self.emit(event | more)

    async def emit(self, event: Any, kind: str = "event") -> None:
        """Anything at all, in an event's place; a socket that has been closed takes nothing."""
        with suppress(SocketIOError):
            await self._client.emit(kind, event, namespace="/_event")

    async def hears(self, words: str, seconds: float = 60) -> None:
        """Wait until it has been told something with these words in it. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while words not in json.dumps(self.heard, ensure_ascii=False, default=str):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)


@asynccontextmanager
async def open_socket(
    web: Web, *, path: str = "/tg/app/", token: str = "", headers: dict[str, str] | None = None
) -> AsyncIterator[Socket]:
    """A connection with a client token of its own. Raises socketio's ConnectionError when it is refused."""
    client = socketio.AsyncClient(reconnection=False, json=_RAW)
    opened = Socket(client, path)
    try:
        await client.connect(
            f"{web.url}?token={token or uuid4()}",
            headers=headers or {},
            socketio_path="/_event",
            namespaces=["/_event"],
            transports=["websocket"],
            wait_timeout=30,  # seconds, for a busy machine
        )
        yield opened
    finally:
        await client.disconnect()
        if client.eio.http is not None:  # the library leaves it open where the handshake was refused
            await client.eio.http.close()


@asynccontextmanager
async def open_when_there_is_room(web: Web) -> AsyncIterator[Socket]:
    """As `open_socket`, after many others were closed: the server may not have noticed that yet."""
    async with AsyncExitStack() as opened:
        async with asyncio.timeout(60):
            while True:
                try:
                    one = await opened.enter_async_context(open_socket(web))
                    break
                except Refused:
                    await asyncio.sleep(0.1)
        yield one


async def sign_in(web: Web, socket: Socket, telegram_id: int) -> None:
    """Present a resume secret of that person's, and wait until the screen is built."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        data = init_data({"id": telegram_id, "first_name": "Anna"}, query_id=uuid4().hex)
        body = {"init_data": data}
        secret = (await http.post(f"{web.url}/api/auth/telegram-webapp", json=body)).json()["resume_secret"]
    await socket.send(BOOT)
    answer = {"secret": secret, "device": "desktop", "language": "en", "start": ""}
    await socket.send("SessionState.present", {"answer": answer})
    await socket.hears('"ready"')
