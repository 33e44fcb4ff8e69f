"""The control API over HTTP does what the Python one does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from telethon import errors

from sandbox.control import Sandbox
from tests.sandbox.conftest import Connect


async def _control(sandbox: Sandbox, name: str, **body: Any) -> Any:
    async with (
        aiohttp.ClientSession(sandbox.phone_url) as http,
        http.post(f"/control/{name}", json=body or None) as response,
    ):
        assert response.status == 200, await response.text()
        return (await response.json())["result"]


async def test_faults_by_http(sandbox: Sandbox, connect: Connect) -> None:
    """FLOOD_WAIT, revocation and the clock."""
    client = await connect("anna")
    await _control(sandbox, "fail", method="users.getUsers", flood_wait=3)
    with pytest.raises(errors.FloodWaitError):
        await client.get_entity("me")
    await _control(sandbox, "clock", shift=3)
    assert await _control(sandbox, "revoke", person="anna") == 1
    client._flood_waited_requests.clear()
    assert await client.get_me() is None


async def test_telegram_goes_away_and_comes_back(sandbox: Sandbox, connect: Connect) -> None:
    """A client that reconnects finds its session again."""
    client = await connect("anna", connection_retries=100)
    await _control(sandbox, "unreachable")
    assert not sandbox.server.connections
    await _control(sandbox, "reachable")
    assert await client.get_me()


async def test_posts_by_http(sandbox: Sandbox, connect: Connect, tmp_path: Path) -> None:
    """Publishing in any channel and loading a file."""
    made = await _control(sandbox, "publish", channel="lumsk_news", text="Срочно")
    client = await connect("anna")
    [newest] = await client.get_messages("lumsk_news", limit=1)
    assert (newest.id, newest.raw_text) == (made["id"], "Срочно")
    path = tmp_path / "posts.jsonl"
    path.write_text(
        '{"channel":"Наука","channel_id":1000000001,"message_id":5,"date":"2024-01-01T00:00:00+00:00","text":"x"}'
    )
    [loaded] = await _control(sandbox, "load", path=str(path), followers=["anna"])
    assert (await client.get_entity(loaded["username"])).title == "Наука"


async def test_health_and_missing_fields(sandbox: Sandbox) -> None:
    """Health counts what there is; a missing field is named."""
    async with aiohttp.ClientSession(sandbox.phone_url) as http:
        async with http.get("/control/health") as response:
            health = await response.json()
        assert health["ok"] and health["posts"] > 400 and health["mtproto_port"] == sandbox.mtproto_port
        async with http.post("/control/fail", json={}) as response:
            assert response.status == 400 and "method" in (await response.json())["error"]


async def test_what_happens_to_posts_by_http(sandbox: Sandbox, connect: Connect) -> None:
    """An edit, a reaction, a deletion and a channel that is cleared."""
    client = await connect("anna")
    channel = sandbox.channels.get("lumsk_news")
    first, second, *_ = sandbox.channels.live[channel.id]
    await _control(sandbox, "edit", channel="lumsk_news", post=first, text="Исправлено")
    await _control(sandbox, "edit", channel="lumsk_news", post=second, react="🔥")
    edited, reacted = await client.get_messages("lumsk_news", ids=[first, second])
    assert (edited.text, edited.edit_hide) == ("Исправлено", False) and edited.edit_date
    assert reacted.edit_hide and [each.count for each in reacted.reactions.results] == [1]
    assert await _control(sandbox, "delete", channel="lumsk_news", posts=[first, 10**6]) == {"deleted": 1}
    assert (await _control(sandbox, "delete", channel="lumsk_news"))["deleted"] > 1
    assert await client.get_messages("lumsk_news", limit=5) == []
