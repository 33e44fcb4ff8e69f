"""Ingest against a local Telegram: a sandbox, a database and a supervisor of each test's own."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.client import trust_key
from ingest.supervisor import Supervisor
from sandbox.control import Sandbox, run_sandbox
from tests.databases import own_database
from tests.servers import settings_for
from tg_assistant.core.access import sign_in
from tg_assistant.core.access.init_data import TelegramPerson
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import invites, tenants
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.models import Role, Tenant
from tg_assistant.settings.groups import Settings, TelegramSettings


@pytest.fixture(scope="session")
async def world_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded world made once; tests start from a copy."""
    folder = tmp_path_factory.mktemp("world")
    async with run_sandbox(folder):
        return folder


@pytest.fixture
async def sandbox(tmp_path: Path, world_template: Path) -> AsyncIterator[Sandbox]:
    """A seeded local Telegram; any protocol violation of ours fails the test."""
    shutil.copytree(world_template, tmp_path / "world")
    async with run_sandbox(tmp_path / "world") as running:
        yield running
        assert list(running.violations) == []


@pytest.fixture
def fresh_database(postgres: Postgres) -> Iterator[Postgres]:
    """A migrated, empty database of the test's own."""
    with own_database(postgres) as own:
        yield own


@pytest.fixture
def ingest_settings(fresh_database: Postgres, sandbox: Sandbox, model_dir: Path) -> Settings:
    """What an ingest process of the sandbox's installation is given; no Chroma is running."""
    facts = sandbox.install
    telegram = TelegramSettings(
        api_id=facts["api_id"],
        api_hash=facts["api_hash"],
        bot_token=facts["bot_token"],
        dc_id=facts["dc_id"],
        dc_host="127.0.0.1",
        dc_port=sandbox.mtproto_port,
        rsa_key_file=facts["rsa_key_file"],
        requests_per_minute=0,
    )
    settings = settings_for(fresh_database, "http://127.0.0.1:9", model_dir, role="worker")
    return settings.model_copy(update={"telegram": telegram})


@pytest.fixture
async def ingest_rt(ingest_settings: Settings) -> AsyncIterator[Runtime]:
    trust_key(ingest_settings.telegram)
    async with open_runtime(ingest_settings) as runtime:
        yield runtime


@dataclass
class Ingest:
    """Supervisors of the test, each with a runtime of its own, as processes have."""

    settings: Settings

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        async with open_runtime(self.settings) as rt:
            task = asyncio.create_task(Supervisor(rt).run())
            try:
                yield task
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def ingest(ingest_settings: Settings, ingest_rt: Runtime) -> Ingest:
    return Ingest(ingest_settings)


@pytest.fixture
async def tenant(ingest_rt: Runtime) -> Tenant:
    async with ingest_rt.db.transaction() as db:
        made, _ = await tenants.create(db, "Readers")
    return made


async def member(rt: Runtime, sandbox: Sandbox, tenant: Tenant, who: str) -> Actor:
    """A person of the sandbox as a signed-in member of the tenant."""
    person = sandbox.world.people.get(who)
    async with rt.db.transaction(tenant.id) as db:
        met = await sign_in.upsert_user(
            db, TelegramPerson(person.id, person.first_name, person.last_name or "", None, "en"), door="test"
        )
        invite = invites.new(tenant.id, role=Role.user)
        db.add(invite)
        await db.flush()
        await invites.redeem(db, met, invite.code)
        return await sign_in.actor(db, met.user_id, door="test")


@pytest.fixture
async def anna(ingest_rt: Runtime, sandbox: Sandbox, tenant: Tenant) -> Actor:
    return await member(ingest_rt, sandbox, tenant, "anna")
