"""Ingest's numbers move when their thing happens, and only then."""

from contextlib import ExitStack

import pytest
from sqlalchemy import text

from ingest import gauges
from sandbox.control import Sandbox
from sandbox.faults import flood_wait
from tests.corpus import a_channel, incoming_post
from tests.counted import moved, value
from tests.ingest.conftest import Ingest
from tests.ingest.connecting import all_of, connect, ended, eventually, shown, start, until
from tg_assistant.core.accounts import logins
from tg_assistant.core.actor import Actor
from tg_assistant.core.posts import ingestion
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import LoginStatus, MethodWait, Tenant


async def test_a_connection_is_counted(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Start, success, duration; the account while it is connected; a wait of Telegram's with its seconds."""
    sandbox.fail("messages.getDialogs", flood_wait(2))
    with ExitStack() as counted:
        counted.enter_context(moved("auth_qr_start_total", 1))
        counted.enter_context(moved("auth_qr_success_total", 1))
        counted.enter_context(moved("auth_qr_duration_seconds_count", 1))
        counted.enter_context(moved("auth_qr_duration_seconds_sum"))
        counted.enter_context(moved("telethon_floodwait_total", 1))
        counted.enter_context(moved("telethon_floodwait_seconds_total", 2))
        async with ingest.running():
            with moved("telethon_connected_accounts", 1):
                await connect(ingest_rt, sandbox, anna)
                await eventually(lambda: value("telethon_connected_accounts") == 1)

            async def waiting() -> bool:
                return bool(await all_of(ingest_rt, MethodWait))

            await eventually(waiting)
    assert value("telethon_connected_accounts") == 0


async def test_attempts_that_come_to_nothing_are_counted(
    ingest_rt: Runtime, sandbox: Sandbox, ingest: Ingest, anna: Actor
) -> None:
    """Failed ones by their reason, and those nobody finished; neither is a success."""
    before = value("auth_qr_success_total")
    async with ingest.running():
        with moved("auth_qr_fail_total", 1, reason="ownership_mismatch"):
            started = await start(ingest_rt, anna)
            sandbox.phone("max").scan(await shown(ingest_rt, anna, started.login.id))
            await until(ingest_rt, anna, started.login.id, ended(LoginStatus.failed))
        with moved("auth_qr_expired_total", 1):
            async with ingest_rt.db.transaction(anna.tenant) as db:
                started = await logins.start(db, anna, ttl=2)
            await until(ingest_rt, anna, started.login.id, ended(LoginStatus.expired))
    assert value("auth_qr_success_total") == before


async def test_what_is_left_to_do_is_measured(ingest_rt: Runtime, tenant: Tenant) -> None:
    """Channels not read to their end and posts not yet in the index, in all groups; deleted posts are not."""
    await gauges.measure(ingest_rt)
    assert (value("backfill_pending"), value("index_lag_posts")) == (0, 0)
    channel = await a_channel(ingest_rt, tenant, ["one", "two", "three"])
    async with ingest_rt.db.transaction(tenant.id) as db:
        await ingestion.mark_deleted(db, channel.id, [2])
    with moved("backfill_pending", 1), moved("index_lag_posts", 2):
        await gauges.measure(ingest_rt)


async def test_posts_are_counted_by_the_way_they_came(ingest_rt: Runtime, tenant: Tenant) -> None:
    """New ones once: an edit or a repetition is no new post."""
    with moved("posts_saved_total", 2, via="backfill"):
        channel = await a_channel(ingest_rt, tenant, ["one", "two"])
    for rise in (1, 0):
        with moved("posts_saved_total", rise, via="live"):
            async with ingest_rt.db.transaction(tenant.id) as db:
                saved = await ingestion.save_live(db, channel.id, [incoming_post(3, "three")], [3])
                assert saved.new == rise


async def test_jobs_are_counted_by_how_they_ended(
    ingest_rt: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done and failed, under their names."""
    monkeypatch.setattr(jobs, "_RETRIES", 0)

    async def index(payload: dict[str, int]) -> None:
        if payload["n"]:
            raise RuntimeError("broken")

    async with ingest_rt.db.transaction() as db:
        for n in (0, 1):
            await jobs.enqueue(db, "index", {"n": n})
    done, failed = ({"name": "index", "outcome": outcome} for outcome in ("done", "failed"))
    with moved("jobs_total", 1, **done), moved("jobs_total", 1, **failed):
        await jobs.run_worker(ingest_rt.db.url, {"index": index}, drain=True)
    async with ingest_rt.db.transaction() as db:
        held = await db.exec(text("SELECT count(*) FROM pgqueuer WHERE status = 'failed'"))
        assert held.scalar_one() == 1
