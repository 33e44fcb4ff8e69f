"""A process's pulse: whether its event loop runs and its work on texts finishes.

Health reports it, and a process that stays stuck ends itself, whatever the cause: the interpreter's watchdog
(`faulthandler`) runs in a C thread that needs no interpreter lock. The supervisor (of the demo, compose,
Kubernetes) then restarts the process.
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
_SLOW_SECONDS = 5.0  # lag of a stuck loop; loading the model caused over two on a busy machine
_REMEMBERED = 20  # beats, so health reports a stuck loop for ten seconds
_LONG_SECONDS = 15.0  # for a piece of work on texts, whose deadline is ten


class Pulse:
    """The process's pulse."""

    def __init__(self, texts: TextWork) -> None:
        self._texts = texts
        self._lags: deque[float] = deque(maxlen=_REMEMBERED)
        self._began = time.monotonic()

    def age(self) -> float:
        """Return the seconds since the runtime was opened; earlier delays were not caused by this process."""
        return time.monotonic() - self._began

    def checks(self) -> Mapping[str, bool]:
        """Return `loop`: it was not stuck lately, and `texts`: no piece of work on texts takes too long."""
        return {
            "loop": max(self._lags, default=0.0) < _SLOW_SECONDS,
            "texts": self._texts.oldest() < _LONG_SECONDS,
        }

    async def live(self) -> Mapping[str, bool]:
        """Return the checks, for the internal port."""
        return self.checks()

    @asynccontextmanager
    async def beating(self, stuck_seconds: float) -> AsyncGenerator["Pulse"]:
        """Beat while the block runs; once stuck for `stuck_seconds` (0: never), dump the stack of each thread
        and end the process.
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
