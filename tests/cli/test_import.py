"""`tg-assistant import`: exported history beside what Telegram told, added once and never instead of it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from sqlmodel import select
from typer.testing import CliRunner

from tests.corpus import a_channel, a_tenant, incoming_post, stored
from tests.servers import BOT_TOKEN
from tg_assistant.cli import app
from tg_assistant.core.posts import ingestion
from tg_assistant.models import ChannelRange, PostVersion

HERE = 8_801
_BASE = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def run(database, monkeypatch):
    """Runs the command as the owner: (code, what it says as JSON or text, what it says of an error)."""
    monkeypatch.setenv("DATABASE_URL", database.owner_url)
    monkeypatch.setenv("BOT_TOKEN", BOT_TOKEN)
    monkeypatch.delenv("MIGRATIONS_DATABASE_URL", raising=False)
    logging = structlog.get_config()

    async def command(*words):
        result = await asyncio.to_thread(CliRunner().invoke, app, ["import", *map(str, words)])
        return result.exit_code, result.stdout, result.stderr

    yield command
    structlog.configure(**logging)


def message(number, text, **facts):
    unix = int((_BASE + timedelta(minutes=number)).timestamp())
    return {"id": number, "type": "message", "date_unixtime": str(unix), "text": text, **facts}


def written(tmp_path, *chats):
    file = tmp_path / "result.json"
    file.write_text(json.dumps({"about": "x", "chats": {"list": list(chats)}}, ensure_ascii=False))
    return file


def chat(number, messages, name="Channel", kind="private_channel"):
    return {"name": name, "type": kind, "id": number, "messages": messages}


async def ranges(rt, channel):
    async with rt.db.transaction(channel.tenant_id) as db:
        found = await db.exec(select(ChannelRange).where(ChannelRange.channel_id == channel.id))
        return {(each.low, each.high) for each in found}


async def test_history_beside_live_posts(rt, run, tmp_path):
    """New ones are added, a later edit replaces, all else stays; no range becomes known; twice is once."""
    where = await a_tenant(rt)
    channel = await a_channel(
        rt, where, {5: "Live, as Telegram told it", 6: "Edited here", 7: "Deleted"}, number=HERE
    )
    later = str(int((_BASE + timedelta(days=2)).timestamp()))
    sooner = str(int((_BASE + timedelta(hours=1)).timestamp()))
    async with rt.db.transaction(where.id) as db:
        edited = incoming_post(6, "Edited here", edited_at=_BASE + timedelta(days=1))
        await ingestion.save_page(db, channel.id, [edited], [ingestion.Range(5, 7)], via="live")
        await ingestion.mark_deleted(db, channel.id, [7])
    messages = [
        *(message(n, f"Old {n}") for n in range(1, 5)),
        message(5, ["Live, as ", {"type": "bold", "text": "the file"}, " has it"]),
        message(6, "An older edit", edited_unixtime=sooner),
        message(7, "Deleted since"),
        {"id": 8, "type": "service", "action": "pin_message", "text": ""},
    ]
    file = written(tmp_path, chat(HERE, messages), chat(9_999, [message(1, "Elsewhere")], name="Other"))
    code, said, _ = await run(file, "--tenant", where.id, "--json")
    assert code == 0
    here, other = json.loads(said)["chats"]
    assert (here["here"], here["read"], here["new"], here["newer"]) == (True, 7, 4, 0)
    assert (other["name"], other["here"], other["read"]) == ("Other", False, 1)
    posts = await stored(rt, channel)
    assert {n: post.text for n, post in posts.items()} == {
        **{n: f"Old {n}" for n in range(1, 5)},
        5: "Live, as Telegram told it",
        6: "Edited here",
        7: "Deleted",
    }
    assert posts[7].deleted_at and posts[1].indexed_generation == 0
    assert await ranges(rt, channel) == {(5, 7)}
    again = json.loads((await run(file, "--tenant", where.id, "--json"))[1])["chats"][0]
    assert (again["new"], again["newer"]) == (0, 0)
    file = written(tmp_path, chat(HERE, [message(6, "A later edit", edited_unixtime=later)]))
    newer = json.loads((await run(file, "--tenant", where.id, "--json"))[1])["chats"][0]
    assert (newer["new"], newer["newer"]) == (0, 1)
    async with rt.db.transaction(where.id) as db:
        versions = (await db.exec(select(PostVersion).where(PostVersion.tenant_id == where.id))).all()
    assert [each.text for each in versions] == ["Edited here"]


async def test_many_messages(rt, run, tmp_path):
    """Batches end anywhere; of another group's channel with the same id nothing changes."""
    where, elsewhere = await a_tenant(rt), await a_tenant(rt)
    channel = await a_channel(rt, where, [], number=HERE + 1)
    foreign = await a_channel(rt, elsewhere, [], number=HERE + 1)
    file = written(tmp_path, chat(HERE + 1, [message(n, f"Post {n}") for n in range(1, 2_503)]))
    code, said, _ = await run(file, "--tenant", where.id)
    assert (code, said) == (0, f"Channel ({HERE + 1}): 2502 new, 0 in a later edit, of 2502 posts\n")
    assert len(await stored(rt, channel)) == 2502 and not await stored(rt, foreign)


async def test_files_that_are_wrong(rt, run, tmp_path):
    """A sentence and exit code 1; what stood before the cut is added."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, [], number=HERE + 2)
    file = written(tmp_path, chat(HERE + 2, [message(n, f"Post {n}") for n in range(1, 20)]))
    file.write_bytes(file.read_bytes()[:-300])
    code, said, error = await run(file, "--tenant", where.id)
    assert code == 1 and "new" in said and "no whole export" in error
    assert 10 < len(await stored(rt, channel)) < 19
    code, said, error = await run(written(tmp_path, chat(9_999, [], name="Other")), "--tenant", where.id)
    assert code == 1 and "left out" in said and "Follow it first" in error
    code, _, error = await run(tmp_path / "none.json", "--tenant", where.id)
    assert code == 1 and "no file" in error
    only = written(tmp_path, chat(HERE + 2, [message(1, "x")]))
    assert (await run(only, "--tenant", where.id, "--channel", 5))[0] == 1
