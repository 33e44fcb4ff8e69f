"""A process's pulse: a stuck loop and endless work are said, and end the process."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from tg_assistant.errors import Unavailable
from tg_assistant.infra import pulse as pulse_module
from tg_assistant.infra.pulse import Pulse
from tg_assistant.infra.text_work import THREADS, TextWork

_STUCK = """
import asyncio, re, time
from tg_assistant.infra.pulse import Pulse
from tg_assistant.infra.text_work import TextWork

def {work}

async def main():
    texts = TextWork({deadline})
    async with Pulse(texts).beating(2):
        print("beating", flush=True)
        {stuck}
        await asyncio.sleep(600)

asyncio.run(main())
"""
_SPIN = "spin(end=float('inf')):\n    while time.monotonic() < end: pass"
# one call of C that holds the interpreter lock: no thread of Python could see it
_LOCKED = "spin():\n    re.match('(a*)*b', 'a' * 40)"


@pytest.fixture
def texts():
    work = TextWork(1.0)
    yield work
    work.close()


async def test_work_goes_on_beside_the_loop(texts: TextWork):
    """What reads a text runs in another thread, and gives what it returns or raises."""
    assert await texts.run(threading.get_ident) != threading.get_ident()
    assert await texts.run(sorted, "cab", reverse=True) == ["c", "b", "a"]
    with pytest.raises(ZeroDivisionError):
        await texts.run(lambda: 1 // 0)
    assert texts.oldest() == 0


async def test_who_waits_is_told_after_the_deadline(texts: TextWork):
    """A piece that takes too long is an error in words; how long it has been at it is known."""
    go_on = threading.Event()
    with pytest.raises(Unavailable, match="too_slow"):
        await texts.run(go_on.wait, 20)
    assert texts.oldest() > 0.9
    # one that is slow keeps no other waiting
    assert THREADS > 1 and await texts.run(lambda: "done") == "done"
    for code in ("too_slow", "busy"):  # now both threads are taken: the next one is not even begun
        with pytest.raises(Unavailable, match=code):
            await texts.run(go_on.wait, 20)
    go_on.set()
    async with asyncio.timeout(60):
        while texts.oldest():  # noqa: ASYNC110 - another thread
            await asyncio.sleep(0.01)


async def test_waiting_for_a_thread_is_nobodys_fault(texts: TextWork):
    """A piece whose turn comes late has all of the deadline for itself."""
    busy = [asyncio.create_task(texts.run(time.sleep, 0.7)) for _ in range(THREADS)]
    await asyncio.sleep(0.05)
    await texts.run(time.sleep, 0.6)
    await asyncio.gather(*busy)
    assert texts.oldest() == 0


async def test_a_stuck_loop_is_said_for_a_while(texts: TextWork, monkeypatch):
    """The lag of the last seconds counts, so that whoever asks after it was stuck is told, too."""
    monkeypatch.setattr(pulse_module, "BEAT_SECONDS", 0.01)
    pulse = Pulse(texts)
    async with pulse.beating(0):
        await asyncio.sleep(0.1)
        assert pulse.checks() == {"loop": True, "texts": True}
        time.sleep(pulse_module._SLOW_SECONDS + 0.2)  # noqa: ASYNC251 - this is the fault
        await asyncio.sleep(0.05)
        assert pulse.checks()["loop"] is False
        async with asyncio.timeout(60):
            while not pulse.checks()["loop"]:  # noqa: ASYNC110 - beats pass
                await asyncio.sleep(0.05)


async def test_work_without_end_is_said(texts: TextWork, monkeypatch):
    """The piece that has been at work for the longest time decides."""
    monkeypatch.setattr(pulse_module, "_LONG_SECONDS", 0.5)
    go_on = threading.Event()
    with pytest.raises(Unavailable):
        await texts.run(go_on.wait, 20)
    pulse = Pulse(texts)
    assert pulse.checks() == {"loop": True, "texts": False}
    go_on.set()


@pytest.mark.parametrize(
    ("work", "stuck"),
    [
        pytest.param(_SPIN, "spin()", id="the loop"),
        pytest.param(_LOCKED, "spin()", id="a call that holds the lock"),
        pytest.param(_LOCKED, "asyncio.ensure_future(texts.run(spin))", id="the same in a thread"),
    ],
)
def test_a_stuck_process_ends_itself(work: str, stuck: str):
    """Whatever keeps it, after STUCK_SECONDS it is gone and has said where it was."""
    code = _STUCK.format(work=work, stuck=stuck, deadline=60)
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 1 and ended.stdout == "beating\n"
    assert "Timeout (0:00:02)!" in ended.stderr and "in spin" in ended.stderr


def test_a_process_that_works_goes_on():
    """Busy for seconds in turn with beats, it lives."""
    stuck = "[(spin(time.monotonic() + 0.5), await asyncio.sleep(0)) for _ in range(10)]; return"
    code = _STUCK.format(work=_SPIN, stuck=stuck, deadline=60)
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
