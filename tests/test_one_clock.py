"""What time it is comes from the Runtime's clock, so that a test can move it."""

import ast
from pathlib import Path

import pytest

from tests.clocks import Moved
from tg_assistant.infra import clock
from tg_assistant.infra.postgres.db import Database

ROOT = Path(__file__).parents[1]
PACKAGES = ("tg_assistant", "bot", "ingest")
# Who may look at the machine's clock, and why.
ALLOWED = {
    ("tg_assistant/infra/clock.py", "datetime.now"): "is the clock",
    ("tg_assistant/infra/clock.py", "Clock"): "the one of processes",
    ("tg_assistant/infra/clock.py", "SYSTEM"): "of a transaction whose session carries none",
    ("tg_assistant/infra/runtime.py", "SYSTEM"): "what a Runtime has that was given no other",
    (
        "tg_assistant/infra/postgres/db.py",
        "SYSTEM",
    ): "of the command line, which has no Runtime",
    ("tg_assistant/web/process.py", "SYSTEM"): "when the process began, before it has a Runtime",
    ("tg_assistant/cli/invites.py", "SYSTEM"): "a process main without a Runtime",
    ("tg_assistant/infra/limits.py", "time.time"): "what the library's own reset time is in",
    (
        "ingest/client.py",
        "time.time",
    ): "message ids count from it, corrected by the server's offset",
}
_OF_THE_MACHINE = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "Clock", "time.time"),
    *("datetime.datetime.now", "datetime.date.today", "clock.Clock", "time.time_ns", "time.localtime"),
}


def _looks(tree: ast.Module) -> set[str]:
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)}
    return calls & _OF_THE_MACHINE | ({"SYSTEM"} if names & {"SYSTEM", "clock.SYSTEM"} else set())


def test_nothing_asks_the_machines_clock_but_the_few_that_say_why():
    """Code that reads the time by itself cannot be tested with another, nor agrees with its neighbours."""
    found = {
        (str(path.relative_to(ROOT)), look)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for look in _looks(ast.parse(path.read_text()))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "line",
    [
        "datetime.now(UTC)",
        "Clock().now()",
        "date.today()",
        "x = clock.SYSTEM",
        "time.time() - 1",
        "clock.Clock()",
    ],
)
def test_each_way_of_asking_the_machine_is_seen(line):
    """The walk above finds every spelling, also inside of something else."""
    assert _looks(ast.parse(f"def f():\n    return [{line}]" if "=" not in line else line))


async def test_a_transaction_carries_the_clock_of_its_process(database):
    """What is written inside has the time of the Runtime that opened it, whatever the machine says."""
    moved = Moved()
    moved.by = clock.SYSTEM.now() - clock.SYSTEM.now().replace(year=2020)
    opened, usual = Database(database.worker_url, pool_size=1, clock=moved), Database(database.worker_url)
    try:
        async with opened.transaction() as db, usual.transaction() as other:
            ahead = (clock.now(db) - clock.now(other)).total_seconds()
        assert abs(ahead - moved.by.total_seconds()) < 60
    finally:
        await opened.close()
        await usual.close()
