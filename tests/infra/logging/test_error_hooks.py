"""What people wrote does not leave through errors: not through ours, and not through PostgreSQL's own log."""

import subprocess
import sys

import psycopg
import pytest

from tests.attacks import planted
from tg_assistant.demo.postgres import running_postgres

CANARY = "canary-what-somebody-wrote"
PROGRAM = f"""
import asyncio, json, sys, threading
import psycopg
from pydantic import BaseModel
from sqlalchemy import text
from tg_assistant.infra.logging import error_hooks, logs
from tg_assistant.infra.postgres.db import Database
logs.configure(process="bot")
way, url = sys.argv[1:]

class Strict(BaseModel):
    words: int

STATEMENTS = {{
    "jsonb": ("SELECT CAST(:given AS jsonb)", json.dumps({{"text": "{CANARY}\\0"}})),
    "uuid": ("SELECT CAST(:given AS uuid)", "{CANARY}"),
    "tsquery": ("SELECT to_tsquery(:given)", "{CANARY} & | !"),
    "unique": ("INSERT INTO words SELECT :given FROM generate_series(1, 2)", "{CANARY}"),
    "number": ("SELECT CAST(:given AS int)", "{CANARY}"),
}}

async def ask(statement, given):
    db = Database(url)
    try:
        async with db.transaction() as one:
            await one.exec(text("CREATE TEMP TABLE words (word text UNIQUE)"))
            await one.exec(text(statement).bindparams(given=given))
    finally:
        await db.close()

def plain():
    with psycopg.connect(url) as one:
        one.execute("SELECT %s::uuid", ["{CANARY}"])

async def main():
    error_hooks.log_loop_errors()
    if way == "task":
        lost = asyncio.create_task(ask(*STATEMENTS["jsonb"]))
        await asyncio.wait([lost])
        del lost
    elif way == "callback":
        asyncio.get_running_loop().call_soon(lambda words: int("x"), "{CANARY}")
        await asyncio.sleep(0.1)
    elif way == "group":
        async with asyncio.TaskGroup() as all_:
            all_.create_task(ask(*STATEMENTS["jsonb"]))
    elif way == "validation":
        Strict(words="{CANARY}")
    else:
        await ask(*STATEMENTS[way])

if way == "thread":
    thread = threading.Thread(target=plain)
    thread.start()
    thread.join()
elif way == "logged":
    try:
        plain()
    except psycopg.Error as error:
        told = "x" + chr(10) + "DETAIL: {CANARY}"
        logs.structlog.get_logger().warning("it.failed", error=told, exc_info=True)
        logs.logging.getLogger("x").error("again %r", RuntimeError("x" + chr(10) + "CONTEXT: {CANARY}"))
else:
    asyncio.run(main())
"""
WAYS = ("jsonb", "uuid", "tsquery", "unique", "number", "task", "callback", "group", "validation", "thread")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    """A server of its own, for its log."""
    folder = tmp_path_factory.mktemp("uncaught") / "pg"
    with running_postgres(folder) as server:
        yield folder.parent, server


@pytest.mark.parametrize("way", [*WAYS, "logged"])
def test_an_error_tells_no_value(server, way):
    """Whichever way it leaves the program: one line of JSON with its traceback, nothing on standard error."""
    folder, postgres = server
    command = [sys.executable, "-c", PROGRAM, way, postgres.app_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert CANARY not in done.stdout + done.stderr
    assert "Traceback" in done.stdout and done.stderr == "" and done.stdout.startswith("{")
    assert planted.in_logs(folder, {"canary": CANARY}) == {}


def test_postgresql_still_logs_what_an_operator_needs(server):
    """Its own starts and ends are told; errors, which quote what people wrote, are not."""
    folder, postgres = server
    with psycopg.connect(postgres.admin_url) as one, pytest.raises(psycopg.errors.DivisionByZero):
        one.execute(f'SELECT 1 / 0 AS "{CANARY}"')
    said = (folder / "pg.log").read_text()
    assert "ready to accept connections" in said and CANARY not in said and "division" not in said
