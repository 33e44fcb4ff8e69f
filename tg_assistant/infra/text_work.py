"""Work on untrusted texts: in threads, with a deadline, and monitored."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from tg_assistant.errors import Unavailable

log = structlog.get_logger()
P = ParamSpec("P")
T = TypeVar("T")
THREADS = 2  # one slow piece does not block the others; more threads would only share one interpreter lock
TOO_SLOW = "texts.too_slow"  # code of an Unavailable caused by this text, not by another service
SECONDS = 10.0  # a piece takes 50 ms, on a busy machine a second


class _Piece:
    """A piece of work; `began` is None until a thread starts it."""

    began: float | None = None


class TextWork:
    """Threads for functions that process texts, each in time proportional to the text's length.

    A thread cannot be stopped, so after the deadline the caller gets an error and `oldest` grows until the
    pulse ends the process (see `infra/pulse.py`).
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="texts")
        self._seconds = seconds
        self._at_work: set[_Piece] = set()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function`.

        Raises Unavailable after the deadline: `TOO_SLOW` if it was running, `texts.busy` if it was not.
        """
        piece = _Piece()
        work = partial(self._do, piece, partial(function, *args, **kwargs))
        working = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            await asyncio.wait([working], timeout=self._seconds)
            if piece.began is not None:  # waiting for a thread does not count
                left = self._seconds - (time.monotonic() - piece.began)
                await asyncio.wait([working], timeout=max(0.0, left))
        finally:
            finished = working.done() or not working.cancel()
        if finished:
            return working.result()
        code = TOO_SLOW if piece.began is not None else "texts.busy"
        log.error("texts.late", code=code, function=getattr(function, "__qualname__", "?"))
        raise Unavailable(code, retry_after=10)

    def _do(self, piece: _Piece, work: Callable[[], T]) -> T:
        piece.began = time.monotonic()
        self._at_work.add(piece)
        try:
            return work()
        finally:
            self._at_work.discard(piece)

    def oldest(self) -> float:
        """Return for how many seconds the longest running piece has been running; 0 without any."""
        begun = [piece.began for piece in list(self._at_work) if piece.began is not None]
        return time.monotonic() - min(begun) if begun else 0.0

    def close(self) -> None:
        """Let the threads end after their current work; queued work is cancelled."""
        self._threads.shutdown(wait=False, cancel_futures=True)
