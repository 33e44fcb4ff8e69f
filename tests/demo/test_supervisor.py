"""The supervisor with small real processes: order, restarts, stopping, and kill -9."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tg_assistant.demo.console import Console
from tg_assistant.demo.data_folder import FolderInUse, open_data_folder
from tg_assistant.demo.smoke.run import while_all_live
from tg_assistant.demo.supervisor import StartFailed, Step, Supervisor

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


def step(name: str, code: str = SLEEP, **options) -> Step:
    options.setdefault("ready", None if options.get("once") else _always)
    return Step(name, lambda: [sys.executable, "-c", code], environment=lambda: dict(os.environ), **options)


async def _always() -> bool:
    return True


@pytest.fixture
def supervise(tmp_path: Path):
    """Makes supervisors over a fresh data folder; the test stops them."""
    with open_data_folder(tmp_path / "data") as folder:

        def make(*steps: Step, out: io.StringIO | None = None) -> Supervisor:
            console = Console(out or io.StringIO())
            return Supervisor(list(steps), folder.logs, folder.path, console, folder.lock)

        yield make


async def _until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_an_impatient_supervisor_names_what_keeps_dying(supervise):
    """For the smoke run: what was up once and cannot start any more ends the walk with its last words."""
    code = "import sys, time; print('my last words', flush=True); time.sleep(.2); sys.exit(3)"
    supervisor = supervise(step("dying", code), step("fine"))
    supervisor.patient = False

    async def walk() -> None:
        await asyncio.sleep(240)

    try:
        await supervisor.start()
        with pytest.raises(StartFailed, match=r"(?s)dying ended 4 times in a row.*my last words"):
            await while_all_live(supervisor, walk())
    finally:
        await supervisor.stop()


async def test_steps_wait_for_what_they_need(supervise, tmp_path: Path):
    """A step starts only after the ones it needs are up."""
    note = tmp_path / "note"
    first = step("first", f"import time; time.sleep(.3); open({str(note)!r}, 'w').close()", once=True)
    second = step(
        "second", f"import os,time; assert os.path.exists({str(note)!r}); time.sleep(600)", needs=("first",)
    )
    supervisor = supervise(second, first)
    await supervisor.start()
    assert supervisor.pid("second")
    await supervisor.stop()


async def test_the_dead_rise_again(supervise):
    """A service killed with -9 is started again, with a word about it."""
    out = io.StringIO()
    supervisor = supervise(step("web"), out=out)
    await supervisor.start()
    before = supervisor.pid("web")
    os.kill(before, signal.SIGKILL)
    await _until(lambda: supervisor.pid("web") not in (None, before))
    await _until(supervisor.running["web"].up.is_set)
    await supervisor.stop()
    assert "ended (SIGKILL); starting again in 0.5 s" in out.getvalue()


async def test_the_stuck_is_ended_and_rises_again(supervise, monkeypatch):
    """A process that runs and does not answer for long is killed and started anew; a hiccup is forgiven."""
    monkeypatch.setattr("tg_assistant.demo.supervisor.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("tg_assistant.demo.supervisor.STUCK_SECONDS", 1.0)
    answers = iter([True, False, True, *[False] * 100])
    out = io.StringIO()
    asked: list[bool] = []

    async def live() -> bool:
        asked.append(next(answers, True))
        return asked[-1]

    supervisor = supervise(step("web", live=live), out=out)
    await supervisor.start()
    before = supervisor.pid("web")
    await _until(lambda: len(asked) > 4)
    assert supervisor.pid("web") == before
    await _until(lambda: supervisor.pid("web") not in (None, before))
    await _until(supervisor.running["web"].up.is_set)
    await supervisor.stop()
    assert "has been stuck for 1 s; killed" in out.getvalue()
    assert "ended (SIGKILL); starting again" in out.getvalue()


async def test_an_orphan_does_not_hide_its_parents_death(supervise):
    """A worker that outlives its killed parent, holding the output open, is ended and both are replaced."""
    child = "import subprocess, sys, time; subprocess.Popen(['sleep', '600'])"
    supervisor = supervise(step("web", f"{child}; time.sleep(600)"))
    await supervisor.start()
    before = supervisor.pid("web")
    await asyncio.sleep(0.5)
    os.kill(before, signal.SIGKILL)
    await _until(lambda: supervisor.pid("web") not in (None, before))
    await supervisor.stop()


async def test_a_hopeless_start_says_why(supervise):
    """Whoever cannot start ends the demo, with its own last words."""
    supervisor = supervise(step("model", "print('no such file'); raise SystemExit(3)", once=True))
    with pytest.raises(StartFailed, match=r"model failed with exit code 3[\s\S]*no such file"):
        await supervisor.start()
    await supervisor.stop()


async def test_stopping_kills_the_stubborn(supervise, monkeypatch: pytest.MonkeyPatch):
    """A process that ignores SIGTERM, and its child, are gone after stop."""
    monkeypatch.setattr("tg_assistant.demo.supervisor.STOP_SECONDS", (0.5, 0.5))
    code = (
        "import signal,subprocess,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child=subprocess.Popen([sys.executable,'-c','import time; time.sleep(600)']);"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    supervisor = supervise(step("bot", code))
    await supervisor.start()
    await _until(lambda: supervisor.running["bot"].last_lines)
    pid, child = supervisor.pid("bot"), int(supervisor.running["bot"].last_lines[0])
    await supervisor.stop()
    await _until(lambda: not _alive(pid) and not _alive(child))


def test_a_killed_supervisor_takes_everyone_along(tmp_path: Path):
    """kill -9 of the supervisor ends its children and grandchildren and frees the folder."""
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    supervisor = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path / "data")], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout
    pids = [int(pid) for pid in supervisor.stdout.readline().split()]
    assert len(pids) == 2 and all(map(_alive, pids))
    with pytest.raises(FolderInUse, match="already runs"), open_data_folder(tmp_path / "data"):
        pass
    supervisor.kill()
    supervisor.wait()
    supervisor.stdout.close()
    with open_data_folder(tmp_path / "data"):  # waits for the guardian
        assert not any(map(_alive, pids))


_PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from tg_assistant.demo.console import Console
from tg_assistant.demo.data_folder import open_data_folder
from tg_assistant.demo.supervisor import Step, Supervisor

SLEEP = "import time; time.sleep(600)"
CHILD = "import subprocess,sys;c=subprocess.Popen([sys.executable,'-c',%r]); print(c.pid, flush=1);" % SLEEP
COMMAND = [sys.executable, "-c", CHILD + SLEEP]

async def yes():
    return True

async def main():
    with open_data_folder(Path(sys.argv[1])) as folder:
        step = Step("web", lambda: COMMAND, environment=lambda: dict(os.environ), ready=yes)
        supervisor = Supervisor([step], folder.logs, folder.path, Console(open(os.devnull, "w")), folder.lock)
        await supervisor.start()
        while not supervisor.running["web"].last_lines:
            await asyncio.sleep(0.05)
        print(supervisor.pid("web"), supervisor.running["web"].last_lines[0], flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""
