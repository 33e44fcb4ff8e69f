"""A person's data at their word, handed out and deleted by the operator: also of one who is switched off."""

import asyncio
import json
import zipfile
from pathlib import Path

import pytest
import structlog
from sqlmodel import select
from typer.testing import CliRunner

from tests.people import member, tenant
from tests.servers import BOT_TOKEN, preparing_url
from tg_assistant.cli import app
from tg_assistant.core.access import sign_in
from tg_assistant.core.actor import Actor
from tg_assistant.core.group import members
from tg_assistant.demo.postgres import Postgres
from tg_assistant.errors import NotAllowed
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Question, Role, User

_next = iter(range(7_900_000, 7_990_000))


@pytest.fixture(params=["app", "owner"])
def run(request: pytest.FixtureRequest, database: Postgres, monkeypatch: pytest.MonkeyPatch):
    """Runs a command as web's role in production, and as the owner beside a demo; (code, out, err)."""
    monkeypatch.setenv("DATABASE_URL", getattr(database, f"{request.param}_url"))
    monkeypatch.setenv("BOT_TOKEN", BOT_TOKEN)
    monkeypatch.delenv("MIGRATIONS_DATABASE_URL", raising=False)

    def command(*words: object, answer: str | None = None) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["people", *map(str, words)], input=answer)
        return result.exit_code, result.stdout, result.stderr

    logging = structlog.get_config()
    yield command
    structlog.configure(**logging)


def in_database(database: Postgres, work):
    async def once():
        opened = Database(preparing_url(database))
        try:
            async with opened.transaction() as db:
                return await work(db)
        finally:
            await opened.close()

    return asyncio.run(once())


@pytest.fixture
def anna(database: Postgres) -> Actor:
    """Somebody with a question whom the owner has switched off."""

    async def make(db) -> Actor:
        where = await tenant(db)
        owner, anna = await member(db, where, next(_next), Role.owner), await member(db, where, next(_next))
        db.add(Question(tenant_id=where.id, user_id=anna.user_id, question="What of me?", door="bot"))
        await members.change(db, owner, anna.user_id, version=1, disabled=True)
        with pytest.raises(NotAllowed, match=r"access\.disabled"):
            await sign_in.actor(db, anna.user_id, door="rest")
        return anna

    return in_database(database, make)


def test_their_data_is_handed_out(run, anna: Actor, tmp_path: Path):
    """The same zip they would have taken themselves; an existing file stays as it is."""
    file = tmp_path / "anna.zip"
    code, out, err = run("export", anna.telegram_id, "--to", file)
    assert (code, err) == (0, "") and str(file) in out
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("questions.json"))[0]["question"] == "What of me?"
        assert json.loads(archive.read("profile.json"))["membership"]["disabled"] is True
    code, _, err = run("export", anna.telegram_id, "--to", file)
    assert code == 1 and "exists already" in err


def test_they_are_deleted_after_a_question(run, anna: Actor, database: Postgres):
    """Not without a yes; with it everything goes, and the receipt says what."""
    code, _, _ = run("delete", anna.telegram_id, answer="n\n")
    assert code == 1 and people(database, anna) == 1
    code, out, err = run("delete", anna.telegram_id, "--yes", "--json")
    receipt = json.loads(out)
    assert (code, err) == (0, "") and receipt["questions"] == 1 and receipt["group"] is False
    assert people(database, anna) == 0
    code, _, err = run("delete", anna.telegram_id, "--yes")
    assert code == 1 and len(err.strip().splitlines()) == 1


def people(database: Postgres, anna: Actor) -> int:
    async def count(db) -> int:
        return len((await db.exec(select(User).where(User.id == anna.user_id))).all())

    return in_database(database, count)
