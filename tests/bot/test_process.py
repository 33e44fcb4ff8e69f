"""The bot as a process of its own: its health, its end, and kill −9 at any moment."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import httpx
import pytest

from bot.run import work
from tests.bot.chat import until
from tg_assistant.demo.ports import free_port
from tg_assistant.settings.groups import Settings
from tg_assistant.texts import text


@pytest.fixture(scope="module")
def environment(settings: Settings, database):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {
        "DATABASE_URL": database.app_url,
        "BOT_TOKEN": settings.telegram.bot_token.get_secret_value(),
        "BOT_API_BASE": settings.telegram.bot_api_base or "",
        "BOT_PUBLIC_URL": settings.web.public_url,
        "HEALTH_PORT": str(free_port()),
        "EMBEDDING_CACHE_DIR": str(settings.retrieval.embedding_cache_dir),
    }


@asynccontextmanager
async def process(environment):
    """`python -m bot`, killed without mercy at the end if it still runs."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def healthy(environment):
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:

        async def answers():
            try:
                return (await http.get(f"http://127.0.0.1:{environment['HEALTH_PORT']}/health")).is_success
            except httpx.HTTPError:
                return False

        await until(answers, 60)


async def test_it_starts_answers_and_ends(environment, chat):
    """Healthy, an answer, and a quick end on SIGTERM."""
    async with process(environment) as bot:
        await healthy(environment)
        assert (await chat("max").says("/cancel")).text == text("bot.cancel.nothing", "en")
        bot.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            assert await bot.wait() == 0


async def test_kill_nine_loses_nothing(environment, telegram, chat):
    """Killed three times while messages come in: each is answered in the end, in the order of its lane."""
    slow = {each: text(f"bot.{each}.empty", "en")[:20] for each in ("ask", "add")}
    quick = text("bot.cancel.nothing", "en")  # /cancel overtakes: it would wait behind an answer otherwise
    sent = [chat("max").sends(each) for each in ("/ask", "/privacy", "/cancel", "/add")]
    for pause in (0.0, 0.05, 0.3):
        async with process(environment) as bot:
            await healthy(environment)
            sent.append(chat("max").sends("/cancel"))
            await asyncio.sleep(pause)
            bot.kill()
    async with process(environment):
        sent.append(chat("max").sends("/ask"))
        await chat("max").hears(sent[-1].id, slow["ask"], 60)
        await until(partial(_heard_times, chat("max"), sent[0].id, quick, 4), 60)
    heard = [each for each in chat("max").heard(after=sent[0].id) if each != quick]
    assert heard[0].startswith(slow["ask"]) and heard[-1].startswith(slow["ask"])
    assert any(each.startswith(slow["add"]) for each in heard[1:-1])


async def _heard_times(chat, after, words, times):
    return sum(each == words for each in chat.heard(after=after)) >= times


async def test_a_wrong_setting_is_one_sentence(environment):
    """A key that belongs to ingest alone stops the bot before it does anything."""
    wrong = environment | {"SESSION_CRYPTO_KEY": "x"}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", env=wrong, stderr=asyncio.subprocess.PIPE
    )
    _, said = await started.communicate()
    assert started.returncode == 1 and said.decode().count("\n") == 1
    assert "SESSION_CRYPTO_KEY is for ingest alone" in said.decode()


async def test_health_says_what_fails(rt, settings):
    """While Telegram cannot be reached the check names it."""
    port = free_port()
    nowhere = settings.telegram.model_copy(update={"bot_api_base": "http://127.0.0.1:1"})
    changed = settings.model_copy(update={"telegram": nowhere, "health_port": port})
    task = asyncio.create_task(work(replace(rt, settings=changed)))
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:

        async def answer():
            try:
                said = await http.get(f"http://127.0.0.1:{port}/health")
            except httpx.HTTPError:
                return None
            # on a busy machine PostgreSQL may be late for once
            return said if said.json()["failing"] == ["telegram"] else None

        said = await until(answer)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said.status_code == 503
