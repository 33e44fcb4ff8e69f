"""A process's pulse: does its event loop turn, and does what it works on come to an end?

Health tells it, and a process that stays stuck is ended by itself, whatever keeps it: the interpreter's own
watchdog (`faulthandler`) runs in a thread of C that needs no interpreter lock. Then whoever runs the process
starts it again: the demo's supervisor, compose, Kubernetes.
"""

import asyncio
import faulthandler
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

import structlog

from tg_assistant.infra import metrics
from tg_assistant.infra.text_work import TextWork

log = structlog.get_logger()
BEAT_SECONDS = 0.5
_SLOW_SECONDS = 5.0  # loading the model took a busy machine over two
_REMEMBERED = 20  # beats: for ten seconds health tells of a loop that was stuck
_LONG_SECONDS = 15.0  # a piece of work on texts, whose deadline is ten


class Pulse:
    """One a process."""

    def __init__(self, texts: TextWork) -> None:
        self._texts = texts
        self._lags: deque[float] = deque(maxlen=_REMEMBERED)
        self._began = time.monotonic()

    def age(self) -> float:
        """For how many seconds there has been a runtime: what waited before is not this process's doing."""
        return time.monotonic() - self._began

    def checks(self) -> Mapping[str, bool]:
        """`loop`: it turned in time lately. `texts`: no piece of work on texts goes on for too long."""
        return {
            "loop": max(self._lags, default=0.0) < _SLOW_SECONDS,
            "texts": self._texts.oldest() < _LONG_SECONDS,
        }

    async def live(self) -> Mapping[str, bool]:
        """The checks, for the internal port."""
        return self.checks()

    @asynccontextmanager
    async def beating(self, stuck_seconds: float) -> AsyncGenerator["Pulse"]:
        """Beat while the block runs; end the process, with the stack of each thread, once nothing has gone on
        for `stuck_seconds` (0: never).
        """
        self._wind(stuck_seconds)
        beats = asyncio.create_task(self._beat(stuck_seconds), name="pulse")
        try:
            yield self
        finally:
            beats.cancel()
            with suppress(asyncio.CancelledError):
                await beats
            if stuck_seconds:
                faulthandler.cancel_dump_traceback_later()

    def _wind(self, stuck_seconds: float) -> None:
        if stuck_seconds and self.checks()["texts"]:
            faulthandler.dump_traceback_later(stuck_seconds, exit=True, file=sys.__stderr__ or sys.stderr)

    async def _beat(self, stuck_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._wind(stuck_seconds)
            due = loop.time() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            lag = max(0.0, loop.time() - due)
            self._lags.append(lag)
            metrics.event_loop_lag_seconds.set(lag)
            if lag > _SLOW_SECONDS:
                log.error("loop.stuck", seconds=round(lag, 1))
