"""Every event handler with arguments of the wrong type: no traceback, no error, and no value in the log."""

import asyncio
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.test_every_handler import handlers
from tests.pages.conftest import Web, db, frontend, serving
from tests.people import member, tenant
from tests.sockets import Socket, open_socket, sign_in
from tg_assistant import pages
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Role

__all__ = ["db", "frontend"]
CANARY = "canary-value"
WRONG: tuple[Any, ...] = (
    *(None, {}, [], [CANARY], {"a": {"b": {"c": {"d": CANARY}}}}, CANARY * 1_500, CANARY, "", -1, 0.5),
    *(2**70, float("inf"), True, f"{CANARY}\0", f"{CANARY}\ud800", "9" * 15, "-1", {"a": "\0"}),
)
pages.load()


@pytest.fixture(scope="module")
def web(frontend: None, database: Postgres, workdir: Path) -> Iterator[Web]:
    """How much a socket may send is an attack of its own; here it would hide what the handlers say."""
    with serving(database, workdir, settings={"RATE_LIMIT_SOCKET": "1000000:1"}) as running:
        yield running


def troubles(written: str) -> list[str]:
    """What the log may not hold."""
    return [
        line
        for line in written.splitlines()
        if '"level": "error"' in line or "Traceback" in line or "ERROR" in line or CANARY in line
    ]


async def throw(one: Socket) -> None:
    """Each handler with each wrong value in the place of each argument, of all, with too few and too many."""
    for name, (_, handler) in sorted(handlers().items()):
        if name in ("SessionState.present", "SessionState.refused", "SessionsState.log_out"):
            continue
        names = list(inspect.signature(handler.fn).parameters)[1:]
        for wrong in WRONG if names else ():
            await one.send(name, dict.fromkeys(names, wrong))
        await one.send(name, {**dict.fromkeys(names, "a"), "more": CANARY})
        for payload in (None, [], CANARY, [CANARY]):
            await one.send(name, **{"payload": payload} if payload else {"payload": {}})
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("who", ["stranger", "owner"])
async def test_every_handler_with_every_wrong_type(web: Web, db: Database, who: str) -> None:
    """By nobody, and by somebody whom every screen serves: refused, or an error of ours."""
    async with db.transaction() as session:
        owner = await member(session, await tenant(session, "Wrong"), 5_900_000 + len(who), Role.owner)
    before = len(web.log.read_text())
    async with open_socket(web, path="/admin/people") as one:
        if who == "owner":
            await sign_in(web, one, owner.telegram_id)
        await throw(one)
        await asyncio.sleep(5)
        assert one.connected
    assert troubles(web.log.read_text()[before:]) == []


@pytest.mark.parametrize(
    "event",
    [
        *(
            None,
            [],
            1,
            CANARY,
            json.dumps({"name": CANARY}),
            {},
            {"name": None},
            {"name": {}},
            {"name": CANARY},
        ),
        *(
            {"name": "x.y", "payload": CANARY},
            {"name": "reflex___state____state.hydrate", "payload": [CANARY]},
        ),
        {"name": "reflex___state____state.hydrate", "router_data": CANARY},
        {"name": "reflex___state____state.hydrate", "router_data": {"pathname": [CANARY]}},
        {"name": "reflex___state____state.hydrate", "router_data": {"query": {"a": CANARY * 5_000}}},
        {"name": "reflex___state____state.hydrate", "router_data": {"asPath": f"\0{CANARY}"}},
        {"name": "reflex___state____state.setvar", "payload": {"var_name": "x", "value": CANARY}},
    ],
)
async def test_what_is_no_event_at_all(web: Web, event: Any) -> None:
    """Broken events of a stranger's are dropped, and the socket goes on."""
    before = len(web.log.read_text())
    async with open_socket(web) as one:
        await one.emit(event)
        await asyncio.sleep(0.5)
        assert one.connected
        await one.send("reflex___state____state.hydrate_and_load")
        await one.hears("challenge")
    assert troubles(web.log.read_text()[before:]) == []
