"""A group is deleted while its owner connects an account: nothing stays signed in at Telegram."""

import asyncio

import pytest
from sqlalchemy import update

from sandbox.control import Sandbox
from tests.ingest.conftest import Ingest
from tests.ingest.connecting import all_of, eventually, shown, start, until
from tg_assistant.core.actor import Actor
from tg_assistant.core.privacy import erasure
from tg_assistant.errors import Unavailable
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Login, LoginStatus, Membership, Tenant

STATES = ["begun", "shown", "scanned", "password asked for", "connected"]


async def brought_to(state: str, rt: Runtime, sandbox: Sandbox, who: Actor) -> None:
    started = await start(rt, who)
    if state == "begun":
        return
    phone = sandbox.phone("anna")
    if state == "password asked for":
        phone.set_password("a password of anna's")
    url = await shown(rt, who, started.login.id)
    if state != "shown":
        phone.scan(url)
    if state == "password asked for":
        await until(rt, who, started.login.id, lambda row: row.status == LoginStatus.password_required)
    if state == "connected":
        await until(rt, who, started.login.id, lambda row: row.status == LoginStatus.authorized)


@pytest.mark.parametrize("state", STATES)
async def test_in_each_state(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor, state: str
) -> None:
    """Asked again until Telegram has confirmed; then there is no row, no key and no session."""
    async with ingest_rt.db.transaction(anna.tenant) as db:
        await db.exec(update(Membership).values(role="owner"))

    async def deleted() -> bool:
        try:
            return (await erasure.erase(ingest_rt, anna, with_group=True)).group
        except Unavailable:
            await asyncio.sleep(0.2)
            return False

    async with ingest.running():
        await brought_to(state, ingest_rt, sandbox, anna)
        await eventually(deleted)
        await eventually(lambda: not sandbox.phone("anna").sessions())
    for model in (Tenant, Membership, Login, Account):
        assert await all_of(ingest_rt, model) == []
