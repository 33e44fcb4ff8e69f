"""What the health endpoints check, beyond whether a process responds."""

import asyncio
import time
from collections.abc import Mapping

import httpx
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from tg_assistant.core.messaging import inbox, outbox
from tg_assistant.errors import Unavailable
from tg_assistant.infra.health import database_answers
from tg_assistant.infra.postgres import jobs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Heartbeat

_LATE_SECONDS = 60
_ALIVE_SECONDS = 90  # a long poll ends at least every 25 s
_AT_WORK_SECONDS = 30  # ingest looks for work each second
_BOT, _INGEST = "bot", "ingest"
_ASK_AGAIN_SECONDS = 10.0
_TELEGRAM = "https://api.telegram.org"
_asked: dict[str, tuple[float, bool]] = {}  # server → monotonic time, and whether it answered


async def ingest_keeps_up(rt: Runtime) -> Mapping[str, bool]:
    """Return `jobs`: whether none has been waiting for a minute since this process started."""
    async with rt.db.transaction() as db:
        return {"jobs": _in_time(rt, await jobs.longest_wait(db))}


async def bot_keeps_up(rt: Runtime) -> Mapping[str, bool]:
    """Return `updates` and `notifications`: whether none has been waiting for a minute.

    Only the time since this process started counts.
    """
    async with rt.db.transaction() as db:
        waiting = {
            "updates": await inbox.longest_wait(db),
            "notifications": await outbox.longest_wait(db),
        }
    return {name: _in_time(rt, seconds) for name, seconds in waiting.items()}


def _in_time(rt: Runtime, seconds: float) -> bool:
    return min(seconds, rt.pulse.age()) < _LATE_SECONDS


async def ready(rt: Runtime) -> Mapping[str, bool]:
    """Return `database`, without which nothing works.

    Without `vectors` (Chroma) and `embeddings` posts are found by their words alone.
    """
    vectors, embeddings = await asyncio.gather(_vectors(rt), rt.embedder.answers())
    return {"database": await database_answers(rt.db), "vectors": vectors, "embeddings": embeddings}


async def signing_in(rt: Runtime) -> Mapping[str, bool]:
    """Return whether people can sign in and connect accounts.

    `limits`: the rate limits can be counted; `ingest`: it is running and its jobs do not wait.
    """
    database = await database_answers(rt.db)
    ingest = database and await _recently(rt, _INGEST, _AT_WORK_SECONDS) and await _no_late_job(rt)
    return {"database": database, "limits": await rt.limits.answers(), "ingest": ingest}


async def bot(rt: Runtime) -> Mapping[str, bool]:
    """Return whether the bot answers people.

    `telegram`: it accepts the token; `bot`: the process receives updates; `updates`: none waits for a minute.
    """
    database = await database_answers(rt.db)
    alive = database and await _recently(rt, _BOT, _ALIVE_SECONDS)
    updates_done = database and await _no_late_update(rt)
    telegram = await _telegram(rt)
    return {"database": database, "telegram": telegram, "bot": alive, "updates": updates_done}


async def bot_is_alive(db: AsyncSession) -> None:
    """Store the bot's heartbeat; called each time it has fetched updates from Telegram and saved them."""
    await _beat(db, _BOT)


async def ingest_is_at_work(db: AsyncSession) -> None:
    """Store ingest's heartbeat; called each time it has looked for accounts and login attempts to take."""
    await _beat(db, _INGEST)


async def _beat(db: AsyncSession, process: str) -> None:
    beat = insert(Heartbeat).values(process=process, at=func.clock_timestamp())
    renewed = {"at": func.clock_timestamp()}
    await db.exec(beat.on_conflict_do_update(index_elements=["process"], set_=renewed))


async def _vectors(rt: Runtime) -> bool:
    try:
        await rt.vectors.check()
    except Unavailable:
        return False
    return True


async def _no_late_job(rt: Runtime) -> bool:
    async with rt.db.transaction() as db:
        return await jobs.longest_wait(db) < _LATE_SECONDS


async def _no_late_update(rt: Runtime) -> bool:
    async with rt.db.transaction() as db:
        return await inbox.longest_wait(db) < _LATE_SECONDS


async def _recently(rt: Runtime, process: str, seconds: int) -> bool:
    recent = select(func.count()).where(
        col(Heartbeat.process) == process,
        # a heartbeat dated in the future was written before the clock was set back and does not count
        func.abs(func.extract("epoch", func.now() - col(Heartbeat.at))) < seconds,
    )
    async with rt.db.transaction() as db:
        return (await db.exec(recent)).one() == 1


async def _telegram(rt: Runtime) -> bool:
    """Return whether Telegram accepts the bot's token; the result is reused for ten seconds."""
    settings = rt.settings.telegram
    server = (settings.bot_api_base or _TELEGRAM).rstrip("/")
    at, answered = _asked.get(server, (float("-inf"), False))
    if time.monotonic() - at < _ASK_AGAIN_SECONDS:
        return answered
    try:
        async with httpx.AsyncClient(timeout=3) as client:
            answer = await client.get(f"{server}/bot{settings.bot_token.get_secret_value()}/getMe")
        answered = answer.status_code == 200
    except httpx.HTTPError:
        answered = False
    _asked[server] = (time.monotonic(), answered)
    return answered
