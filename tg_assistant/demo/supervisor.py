"""Runs processes in dependency order, restarts those that die, and ends all of them when it stops."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tg_assistant.demo import guardian
from tg_assistant.demo.console import Console
from tg_assistant.demo.log_file import log_file

BACK_OFF = (0.5, 1, 2, 4, 8, 16, 30)  # seconds before the nth restart in a row
STEADY = 30.0  # after running this long a process's count of deaths starts again
TRIES_BEFORE_READY = 4
STOP_SECONDS = (5.5, 3.0)  # for processes that need others, then for those needed; together below ten
LOOK_SECONDS, STUCK_SECONDS = 2.0, 30.0  # between liveness checks; failing for this long means stuck


class StartFailed(Exception):
    """A step could not be started. `str()` names it and quotes its last output."""


@dataclass(frozen=True)
class Step:
    """A process to keep running, or (`once`) to run to its end, after the steps it needs."""

    name: str
    command: Callable[[], list[str]]
    needs: tuple[str, ...] = ()
    environment: Callable[[], Mapping[str, str]] = dict
    ready: Callable[[], Awaitable[bool]] | None = None
    live: Callable[[], Awaitable[bool]] | None = (
        None  # checked while it runs; a stuck process is killed and restarted
    )
    once: bool = False
    prepare: Callable[[], None] | None = None
    settle: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    quiet: bool = False
    patience: float = 120.0  # seconds until its first "ready", allowing for slow machines


@dataclass
class Running:
    """The state of a step. `up` is set while it is healthy, or once it is done."""

    step: Step
    process: asyncio.subprocess.Process | None = None
    output: "asyncio.Task[None] | None" = None
    up: asyncio.Event = field(default_factory=asyncio.Event)
    ever_up: bool = False
    deaths: int = 0
    started_at: float = 0.0
    seconds: float = 0.0
    last_lines: list[str] = field(default_factory=list)


class Supervisor:
    """Runs the steps: `start` returns when all are up; processes that die are restarted until `stop`."""

    def __init__(self, steps: list[Step], logs: Path, cwd: Path, console: Console, lock: IO[str]) -> None:
        self.running = {step.name: Running(step) for step in steps}
        self._order = [step.name for step in steps]
        self._logs, self._cwd, self._console = logs, cwd, console
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self.patient = True  # True: restart without limit what was up once; False: limit it as before that
        self._failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._guardian = _start_guardian(lock)

    async def start(self) -> None:
        """Start every step. Raises StartFailed, and other errors of a step such as ServerTrouble."""
        self._tasks = [asyncio.create_task(self._run(item)) for item in self.running.values()]
        for task in self._tasks:
            task.add_done_callback(self._note_failure)
        waiting = asyncio.ensure_future(self._all_up())
        await asyncio.wait([waiting, self._failed], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._failed.done():
            raise self._failed.result()

    async def watch(self) -> None:
        """Wait until cancelled. Raises the error of a step that failed for good."""
        raise await self._failed

    def pid(self, name: str) -> int | None:
        """Process id of a step, or None if it is not running."""
        process = self.running[name].process
        return process.pid if process and process.returncode is None else None

    async def stop(self) -> None:
        """Stop every process, those needed by others last; kill those that do not stop in time."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        needed = {name for item in self.running.values() for name in item.step.needs}
        leaves = [item for name, item in self.running.items() if name not in needed]
        rest = [item for name, item in self.running.items() if name in needed]
        for group, seconds in zip((leaves, rest), STOP_SECONDS, strict=True):
            await asyncio.gather(*(self._end(item, seconds) for item in group))
        assert self._guardian.stdin
        self._guardian.stdin.close()
        await asyncio.to_thread(self._guardian.wait)

    async def _all_up(self) -> None:
        for item in self.running.values():
            await item.up.wait()

    def _note_failure(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) and not self._failed.done():
            self._failed.set_result(error)

    async def _run(self, item: Running) -> None:
        await asyncio.gather(*(self.running[name].up.wait() for name in item.step.needs))
        if item.step.prepare:
            await asyncio.to_thread(item.step.prepare)
        while not self._stopping:
            code = await self._live(item)
            if item.step.once:
                if code != 0:
                    raise StartFailed(_last_words(item, f"failed with exit code {code}"))
                await self._mark_up(item)
                return
            await self._rest_before_restart(item, code)

    async def _live(self, item: Running) -> int:
        """Start the process, watch it and wait for its end; returns the exit code. Raises StartFailed."""
        item.started_at = time.monotonic()
        item.process = await asyncio.create_subprocess_exec(
            *item.step.command(),
            env=dict(item.step.environment()),
            cwd=self._cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1 << 20,
            user=item.step.user,
            group=item.step.user,
        )
        self._tell_guardian(f"+{item.process.pid} {int(item.step.stop_signal)}")
        item.output = asyncio.create_task(self._pump(item))
        watching = asyncio.create_task(self._watch(item))
        ended = asyncio.create_task(_ended(item.process))
        try:
            await asyncio.wait([watching, ended], return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            code = await ended
        finally:
            watching.cancel()
            ended.cancel()
        item.up.clear()
        guardian.send(item.process.pid, signal.SIGKILL)  # descendants that outlived the process
        self._tell_guardian(f"-{item.process.pid}")
        return code

    async def _watch(self, item: Running) -> None:
        """Wait until the process is ready, then kill it if it becomes stuck. Raises StartFailed."""
        if item.step.ready is None:
            return
        assert item.process
        while not await item.step.ready():
            if item.process.returncode is not None:
                return
            if not item.ever_up and time.monotonic() - item.started_at > item.step.patience:
                raise StartFailed(_last_words(item, f"is not ready after {item.step.patience:.0f} s"))
            await asyncio.sleep(0.1)
        await self._mark_up(item)
        if item.step.live is not None:
            await self._end_when_stuck(item, item.step.live)

    async def _end_when_stuck(self, item: Running, live: Callable[[], Awaitable[bool]]) -> None:
        """Kill a process whose liveness check fails for STUCK_SECONDS, so that it is restarted."""
        assert item.process
        well = time.monotonic()
        while time.monotonic() - well < STUCK_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            if await live():
                well = time.monotonic()
        self._console.event(item.step.name, f"has been stuck for {STUCK_SECONDS:.0f} s; killed", "33")
        guardian.send(item.process.pid, signal.SIGKILL)

    async def _mark_up(self, item: Running) -> None:
        if not item.ever_up and item.step.settle:
            await asyncio.to_thread(item.step.settle)
        item.seconds = time.monotonic() - item.started_at
        word = "done" if item.step.once else "ready again" if item.ever_up else "ready"
        self._console.event(item.step.name, f"{word} in {item.seconds:.1f} s", "1")
        item.ever_up = True
        item.up.set()

    async def _rest_before_restart(self, item: Running, code: int) -> None:
        lived = time.monotonic() - item.started_at
        item.deaths = 1 if lived > STEADY else item.deaths + 1
        if item.deaths >= TRIES_BEFORE_READY and not (item.ever_up and self.patient):
            when = "in a row" if item.ever_up else "before it was ready"
            raise StartFailed(_last_words(item, f"ended {item.deaths} times {when}"))
        pause = BACK_OFF[min(item.deaths, len(BACK_OFF)) - 1]
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._console.event(item.step.name, f"ended ({reason}); starting again in {pause:g} s", "33")
        await asyncio.sleep(pause)

    async def _pump(self, item: Running) -> None:
        """Copy the process's output to its log file and, rendered, to the terminal."""
        assert item.process and item.process.stdout
        with log_file(self._logs / f"{item.step.name}.log") as log:
            while line := await _next_line(item.process.stdout):
                log.write(line)
                text = line.decode(errors="replace")
                item.last_lines = [*item.last_lines[-14:], text.rstrip()]
                self._console.line(item.step.name, text, quiet=item.step.quiet)

    async def _end(self, item: Running, seconds: float) -> None:
        process = item.process
        if process is None or process.returncode is not None:
            return
        guardian.send(process.pid, item.step.stop_signal)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            self._console.event(item.step.name, "did not stop in time; killed", "33")
        guardian.send(process.pid, signal.SIGKILL)
        await process.wait()
        self._tell_guardian(f"-{process.pid}")

    def _tell_guardian(self, line: str) -> None:
        assert self._guardian.stdin
        with suppress(BrokenPipeError):  # the demo can run without its guardian
            self._guardian.stdin.write(line + "\n")
            self._guardian.stdin.flush()


async def _ended(process: asyncio.subprocess.Process) -> int:
    """The exit code. While a descendant holds the pipe open, neither `wait` nor the output's end gives it."""
    while process.returncode is None:  # noqa: ASYNC110 - nothing signals it
        await asyncio.sleep(0.1)
    return process.returncode


async def _next_line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readline()
    except ValueError:  # a line over the limit, which readline has discarded
        return b"(a line of more than a megabyte was left out)\n"


def _start_guardian(lock: IO[str]) -> "subprocess.Popen[str]":
    """Start the guardian. It inherits the folder's lock, which it holds until all processes have ended."""
    os.set_inheritable(lock.fileno(), True)
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-S", str(Path(guardian.__file__))],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
        pass_fds=(lock.fileno(),),
    )


def _last_words(item: Running, what: str) -> str:
    quoted = "\n".join(f"    {line}" for line in item.last_lines)
    return f"{item.step.name} {what}. Its last words:\n{quoted}"
