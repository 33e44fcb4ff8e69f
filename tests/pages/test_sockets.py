"""Any socket can call any handler: one that is nobody learns nothing and changes nothing."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
import httpx
import pytest
import reflex as rx
import socketio
from sqlmodel import select

from tests.pages.conftest import People, Web
from tests.people import init_data
from tests.sockets import BOOT, open_socket
from tg_assistant import pages
from tg_assistant.core.actor import Actor
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Account, Channel, Login, Subscription

SECRET = "Only Anna reads this"


def _page_states(parent: Any = rx.State) -> Iterator[Any]:
    for state in parent.get_substates():
        if state.__module__.startswith("tg_assistant."):
            yield state
        yield from _page_states(state)


@pytest.fixture
async def anna(people: People, db: Database) -> Actor:
    """A member who follows a channel with a telling title."""
    actor = await people.member()
    async with db.transaction(actor.tenant_id) as session:
        channel = Channel(tenant_id=actor.tenant, telegram_id=actor.telegram_id, title=SECRET)
        account = Account(tenant_id=actor.tenant, user_id=actor.user_id, telegram_id=actor.telegram_id)
        session.add_all([channel, account])
        await session.flush()
        session.add(Subscription(user_id=actor.user_id, channel_id=channel.id, tenant_id=actor.tenant))
    return actor


@asynccontextmanager
async def _socket(web: Web, token: str) -> AsyncIterator[tuple[Any, list[Any]]]:
    """A connection of Reflex's protocol; what it is told is collected."""
    client, heard = socketio.AsyncClient(reconnection=False), []
    client.on("event", heard.append, namespace="/_event")
    await client.connect(
        f"{web.url}?token={token}", socketio_path="/_event", namespaces=["/_event"], transports=["websocket"]
    )
    try:
        yield client, heard
    finally:
        await client.disconnect()


async def _call(client: Any, name: str, path: str, payload: dict[str, Any]) -> None:
    event = {"name": name, "payload": payload, "router_data": {"pathname": path, "asPath": path, "query": {}}}
    await client.emit("event", event, namespace="/_event")


def _arguments(handler: Any, target: str) -> dict[str, Any]:
    """Something of Anna's wherever a handler takes anything."""
    given: dict[str, Any] = {
        "form": {"code": "A" * 12, "link": "@x"},
        "answer": {"secret": "guess"},
        "values": {},
        "n": 1,
    }
    names = list(inspect.signature(handler.fn).parameters)[1:]
    return {name: given.get(name, target) for name in names}


async def test_nobody_gets_nothing_from_any_handler(web: Web, anna: Actor, db: Database) -> None:
    """Every public handler of every page, called with Anna's ids by a socket that never signed in."""
    pages.load()
    async with db.transaction(anna.tenant_id) as session:
        channel = (await session.exec(select(Channel).where(Channel.telegram_id == anna.telegram_id))).one()
    called = 0
    async with _socket(web, str(uuid4())) as (client, heard):
        for state in _page_states():
            for name, handler in state.event_handlers.items():
                payload = _arguments(handler, str(channel.id))
                await _call(client, f"{state.get_full_name()}.{name}", "/tg/app/channels", payload)
                called += 1
        await asyncio.sleep(3)
    assert called > 30
    assert SECRET not in json.dumps(heard, ensure_ascii=False)
    async with db.transaction(anna.tenant_id) as session:
        followed = (
            await session.exec(select(Subscription).where(Subscription.user_id == anna.user_id))
        ).one()
        assert not followed.paused
        assert (await session.exec(select(Login).where(Login.user_id == anna.user_id))).all() == []


async def test_a_stolen_client_token_is_worth_nothing(web: Web, anna: Actor) -> None:
    """Anna's socket is gone; whoever connects with its token is asked who they are and shown nothing."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        body = {"init_data": init_data({"id": anna.telegram_id, "first_name": "Anna"})}
        secret = (await http.post(f"{web.url}/api/auth/telegram-webapp", json=body)).json()["resume_secret"]
    pages.load()
    session = next(s for s in _page_states() if s.__name__ == "SessionState").get_full_name()
    token, path = str(uuid4()), "/tg/app/channels"
    boot = "reflex___state____state.hydrate_and_load"
    async with _socket(web, token) as (client, heard):
        await _call(client, boot, path, {})
        await _call(client, f"{session}.present", path, {"answer": {"secret": secret, "device": "phone"}})
        await _wait_until(lambda: SECRET in json.dumps(heard, ensure_ascii=False))
    for first in ("reflex___state____state.hydrate", f"{session}.loaded", boot):
        async with _socket(web, token) as (client, heard):
            await _call(client, first, path, {})
            await _call(client, boot, path, {})
            await _wait_until(lambda told=heard: told)  # the thief is answered
            await asyncio.sleep(2)
            assert SECRET not in json.dumps(heard, ensure_ascii=False)
            assert secret not in json.dumps(heard)


@pytest.mark.parametrize("milliseconds", [0, 10, 30])
async def test_what_was_being_made_for_a_gone_socket(web: Web, anna: Actor, milliseconds: int) -> None:
    """Anna's socket closes while her screen is built; who takes its token that moment gets none of it."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        body = {"init_data": init_data({"id": anna.telegram_id, "first_name": "Anna"})}
        secret = (await http.post(f"{web.url}/api/auth/telegram-webapp", json=body)).json()["resume_secret"]
    pages.load()
    session = next(s for s in _page_states() if s.__name__ == "SessionState").get_full_name()
    path, stolen = "/tg/app/channels", []
    for _ in range(5):
        token = str(uuid4())
        async with _socket(web, token) as (client, heard):
            await _call(client, "reflex___state____state.hydrate_and_load", path, {})
            await _wait_until(lambda told=heard: told)
            for _ in range(3):
                answer = {"answer": {"secret": secret, "device": "phone"}}
                await _call(client, f"{session}.present", path, answer)
            await asyncio.sleep(milliseconds / 1000)
        async with _socket(web, token) as (_, told):
            await asyncio.sleep(0.7)
            stolen += told
    assert SECRET not in json.dumps(stolen, ensure_ascii=False)


async def _wait_until(check: Any) -> None:
    async with asyncio.timeout(60):
        while not check():  # noqa: ASYNC110 - another process changes it
            await asyncio.sleep(0.05)


async def test_secrets_are_not_logged(web: Web, anna: Actor) -> None:
    """An event nobody knows is refused without its data in the log; so is a socket without a token."""
    marker = f"secret-{datetime.now(UTC).timestamp()}"
    async with open_socket(web) as one:
        await one.send("x.present", {"answer": {"secret": marker}})
        await one.send(BOOT)
        await one.hears("challenge")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{web.url}/_event/?EIO=4&transport=websocket&x={marker}")
    assert marker not in web.log.read_text()
