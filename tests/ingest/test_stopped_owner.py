"""An owner that was stopped and wakes after its lease: it sends nothing and writes nothing any more."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from sandbox.control import Sandbox
from tests.ingest.connecting import all_of, connect, eventually
from tests.ingest.test_process import healthy, ingest_process
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels, dialogs
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Account, Dialog, Post
from tg_assistant.settings.groups import Settings

_WATCH = """
CREATE TABLE writes (who text, what text);
CREATE FUNCTION note_write() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO writes VALUES (current_setting('application_name'), TG_TABLE_NAME);
    RETURN NULL;
END $$;
"""
_OTHERS = ("accounts", "dialogs", "channel_access")


@pytest.fixture
def writes(fresh_database: Postgres) -> Iterator[psycopg.Connection]:
    """A table that notes which process writes for an account, by its connection's name."""
    with psycopg.connect(fresh_database.owner_url, autocommit=True) as owner:
        owner.execute(_WATCH)
        # of posts not what the index counts in them: jobs need no account, the woken one may do them
        for table, update in {"posts": "UPDATE OF text", **dict.fromkeys(_OTHERS, "UPDATE")}.items():
            owner.execute(
                f"CREATE TRIGGER noted AFTER INSERT OR {update} OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION note_write()"
            )
        yield owner


def named(settings: Settings, name: str) -> Settings:
    url = settings.database.url
    there = type(url)(f"{url.get_secret_value()}?application_name={name}")
    return settings.model_copy(update={"database": settings.database.model_copy(update={"url": there})})


@asynccontextmanager
async def started(settings: Settings, name: str):
    async with ingest_process(named(settings, name)) as (process, port):
        await eventually(lambda: healthy(port), 60)
        yield process


@pytest.mark.parametrize(
    "stopped_for",
    [pytest.param(0.0, id="one lease"), pytest.param(60.0, id="a minute", marks=pytest.mark.slow)],
)
async def test_a_stopped_owner_wakes_without_its_account(
    ingest_rt: Runtime,
    ingest_settings: Settings,
    sandbox: Sandbox,
    anna: Actor,
    writes: psycopg.Connection,
    stopped_for: float,
) -> None:
    """SIGSTOP amid the backfill: the other process takes over and ends it; the woken one leaves all alone.

    The sandbox fails the test if it ever sees two connections on the one key.
    """

    async def owner() -> tuple[str | None, int]:
        (account,) = await all_of(ingest_rt, Account)
        return account.lease_owner, account.lease_epoch

    async def count() -> int:
        return len(await all_of(ingest_rt, Post))

    async with started(ingest_settings, "first") as first:
        await connect(ingest_rt, sandbox, anna)
        await eventually(lambda: all_of(ingest_rt, Dialog))
        for each in await dialogs.available(ingest_rt, anna):
            await channels.add(ingest_rt, anna, telegram_id=each.telegram_id)
        await eventually(count)
        first.send_signal(signal.SIGSTOP)
        before, old_epoch = await owner()
        async with started(ingest_settings, "second"):

            async def taken_over() -> bool:
                return (await owner())[0] not in (None, before)

            await asyncio.sleep(stopped_for)
            await eventually(taken_over, 60)
            writes.execute("DELETE FROM writes WHERE who = 'first'")
            there = await count()
            first.send_signal(signal.SIGCONT)

            async def went_on() -> bool:
                return await count() > there

            await eventually(went_on, 60)
            await asyncio.sleep(5)  # more than the woken one needs to notice
            assert await owner() == ((await owner())[0], old_epoch + 1)
            assert first.returncode is None
    wrote = writes.execute("SELECT who, what FROM writes WHERE who = 'first'").fetchall()
    assert wrote == []
