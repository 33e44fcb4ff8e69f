"""The queue: a job is there exactly when its transaction committed, and is done in spite of deaths."""

import asyncio
import sys
import textwrap
from datetime import timedelta

import psycopg
import pytest

from tg_assistant.infra.postgres import jobs


async def statuses(database) -> list[str]:
    async with await psycopg.AsyncConnection.connect(database.worker_url) as connection:
        rows = await connection.execute("SELECT status::text FROM pgqueuer ORDER BY id")
        return [status for (status,) in await rows.fetchall()]


@pytest.fixture(autouse=True)
async def empty_queue(database):
    async with await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True) as connection:
        await connection.execute("TRUNCATE pgqueuer")


async def test_a_rollback_leaves_no_job(rt, database):
    """The insert is the outbox: no commit, no job."""
    with pytest.raises(RuntimeError):
        async with rt.db.transaction() as db:
            await jobs.enqueue(db, "index", {"tenant_id": "t"})
            raise RuntimeError
    assert await statuses(database) == []


async def test_a_committed_job_is_done_once(rt, database):
    """Payloads arrive as they were given, and the queue is empty afterwards."""
    done = []

    async def index(payload):
        done.append(payload)

    async with rt.db.transaction() as db:
        for n in range(20):
            await jobs.enqueue(db, "index", {"n": n, "name": "Ёлка"})
    async with asyncio.timeout(90):
        await jobs.run_worker(database.worker_url, {"index": index}, drain=True)
    assert sorted(payload["n"] for payload in done) == list(range(20))
    assert {payload["name"] for payload in done} == {"Ёлка"}
    assert await statuses(database) == []


async def test_a_waiting_worker_starts_a_job_at_once(rt, database):
    """A notification wakes the worker: no poll interval passes before the job runs."""
    started = asyncio.Event()

    async def index(payload):
        started.set()

    working = asyncio.create_task(jobs.run_worker(database.worker_url, {"index": index}))
    await asyncio.sleep(0.5)
    async with rt.db.transaction() as db:
        await jobs.enqueue(db, "index", {})
    async with asyncio.timeout(jobs._DEQUEUE.total_seconds() * 0.7):
        await started.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await statuses(database) == []


async def test_a_stop_puts_unfinished_work_back(rt, database, monkeypatch):
    """A deploy in the middle of a long job loses nothing: the next worker does it."""
    monkeypatch.setattr(jobs, "_STOP_SECONDS", 0.2)
    started = asyncio.Event()

    async def slow(payload):
        started.set()
        await asyncio.sleep(60)

    async with rt.db.transaction() as db:
        await jobs.enqueue(db, "index", {})
    working = asyncio.create_task(jobs.run_worker(database.worker_url, {"index": slow}))
    async with asyncio.timeout(60):
        await started.wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert await statuses(database) == ["queued"]


async def test_a_poison_job_is_held_and_the_others_go_on(rt, database, monkeypatch):
    """Five tries, then it waits for a person; nothing else waits for it."""
    monkeypatch.setattr(jobs, "_FIRST_RETRY", 0.01)
    done, tries = [], []

    async def index(payload):
        if payload["n"] == 0:
            tries.append(1)
            raise ValueError("poison")
        done.append(payload["n"])

    async with rt.db.transaction() as db:
        for n in range(4):
            await jobs.enqueue(db, "index", {"n": n})
    working = asyncio.create_task(jobs.run_worker(database.worker_url, {"index": index}))
    for _ in range(900):
        if await statuses(database) == ["failed"]:
            break
        await asyncio.sleep(0.1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert (sorted(done), len(tries)) == ([1, 2, 3], 5)
    assert await statuses(database) == ["failed"]


async def test_kill_9_loses_no_job(rt, database, monkeypatch):
    """A worker killed with jobs in hand: they are picked up again by the next one."""
    monkeypatch.setattr(jobs, "_HEARTBEAT", timedelta(seconds=2))
    async with rt.db.transaction() as db:
        for n in range(10):
            await jobs.enqueue(db, "index", {"n": n})
    program = textwrap.dedent(f"""
        import asyncio
        from tg_assistant.infra.postgres import jobs
        async def index(payload):
            print("started", flush=True)
            await asyncio.sleep(600)
        asyncio.run(jobs.run_worker({database.worker_url!r}, {{"index": index}}))
    """)
    dying = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert dying.stdout is not None
    assert await dying.stdout.readline() == b"started\n"
    dying.kill()
    await dying.communicate()
    done = set()

    async def index(payload):
        done.add(payload["n"])

    working = asyncio.create_task(jobs.run_worker(database.worker_url, {"index": index}))
    for _ in range(900):
        if len(done) == 10 and await statuses(database) == []:
            break
        await asyncio.sleep(0.1)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    assert done == set(range(10))
