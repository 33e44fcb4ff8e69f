"""The health addresses: 503 with the failing check named, and only then."""

from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import text

from tg_assistant.api.app import create_api
from tg_assistant.core import health
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.models import BotUpdate
from tg_assistant.settings.groups import DatabaseSettings


async def test_the_process_answers_and_is_ready(http, rt):
    """Alive without asking anybody; ready with PostgreSQL and, for better answers, Chroma and the model."""
    assert (await http.get("/health")).json()["status"] == "ok"
    await rt.embedder.loaded()
    answer = await http.get("/ready")
    assert answer.status_code == 200 and answer.json()["checks"] == {
        "database": True,
        "vectors": True,
        "embeddings": True,
    }


async def test_signing_in_needs_somebody_who_works(http, rt):
    """An ingest that is not heard of is named; so is one whose job has waited for minutes."""
    assert (await http.get("/health/auth")).json()["failing"] == ["ingest"]
    async with rt.db.transaction() as db:
        await health.ingest_is_at_work(db)
    assert (await http.get("/health/auth")).json()["failing"] == []
    late = text(
        "INSERT INTO pgqueuer (priority, entrypoint, payload, status, execute_after)"
        " VALUES (0, 'nothing', '', 'queued', now() - interval '5 minutes')"
    )
    async with rt.db.transaction() as db:
        await db.exec(late)
    answer = await http.get("/health/auth")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["ingest"])
    async with rt.db.transaction() as db:
        await db.exec(text("DELETE FROM pgqueuer WHERE entrypoint = 'nothing'"))
    assert (await http.get("/health/auth")).status_code == 200


async def test_the_bot_is_ill_when_its_updates_wait(http, rt, monkeypatch):
    """Without Telegram, without a bot, and with an update that has waited for a minute, all are named."""
    monkeypatch.setattr(health, "_TELEGRAM", "http://127.0.0.1:9")
    old = BotUpdate(update_id=1, payload={}, received_at=datetime.now(UTC) - timedelta(minutes=5))
    async with rt.db.transaction() as db:
        db.add(old)
    answer = await http.get("/health/bot")
    assert (answer.status_code, answer.json()["failing"]) == (503, ["telegram", "bot", "updates"])
    assert "127.0.0.1" not in answer.text
    message = {"message": {"chat": {"id": 77}}}
    async with rt.db.transaction() as db:  # a chat that sent much and is being served waits for itself alone
        waiting = await db.get_one(BotUpdate, 1)
        waiting.payload = message
        db.add(
            BotUpdate(update_id=0, payload=message, received_at=old.received_at, done_at=datetime.now(UTC))
        )
    assert (await http.get("/health/bot")).json()["failing"] == ["telegram", "bot"]


async def test_the_bot_is_ill_when_it_has_not_been_heard_of(http, rt):
    """Nothing waits and Telegram may answer: a bot that received nothing for 90 seconds is named alone."""
    for ago, ill in ((5, False), (120, True)):
        async with rt.db.transaction() as db:
            await health.bot_is_alive(db)
            await db.exec(text(f"UPDATE heartbeats SET at = now() - interval '{ago} seconds'"))
        assert ("bot" in (await http.get("/health/bot")).json()["failing"]) is ill


async def test_without_postgresql_every_address_says_so(rt):
    """Nothing but a 503 with the check's name, within seconds; the process itself still answers."""
    nowhere = DatabaseSettings(url="postgresql://nobody@127.0.0.1:9/none")
    async with open_runtime(rt.settings.model_copy(update={"database": nowhere})) as cut_off:
        transport = httpx.ASGITransport(create_api(lambda: cut_off), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
            assert (await client.get("/health")).status_code == 200
            for path in ("/ready", "/health/auth"):
                answer = await client.get(path)
                assert answer.status_code == 503 and "database" in answer.json()["failing"], path
            refused = await client.get("/api/users/me", headers={"Authorization": "Bearer x"})
            assert refused.status_code in (401, 503)
