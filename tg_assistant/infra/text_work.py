"""Work on texts that strangers wrote: off the event loop, with a deadline, and watched."""

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
THREADS = 2  # a piece that is slow keeps no other waiting; more would only share one interpreter lock
TOO_SLOW = "texts.too_slow"  # the error's code: this text's fault, where Unavailable is else a neighbour's
SECONDS = 10.0  # a piece takes 50 ms; on a machine kept busy by others, a second


class _Piece:
    """A piece of work; `began` is None until a thread has it."""

    began: float | None = None


class TextWork:
    """Threads of their own for functions that read texts; each takes time in proportion to their length.

    A thread cannot be ended, so whoever waits is told after the deadline, and `oldest` grows: the process's
    pulse then ends the process (see `infra/pulse.py`).
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="texts")
        self._seconds = seconds
        self._at_work: set[_Piece] = set()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` returns. Raises Unavailable after the deadline: `TOO_SLOW` where it was at work,
        `texts.busy` where no thread was free for it.
        """
        piece = _Piece()
        work = partial(self._do, piece, partial(function, *args, **kwargs))
        working = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            await asyncio.wait([working], timeout=self._seconds)
            if piece.began is not None:  # what it waited for a thread is not its own time
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
        """For how many seconds the piece at work for the longest time has been at it; 0 without any."""
        begun = [piece.began for piece in list(self._at_work) if piece.began is not None]
        return time.monotonic() - min(begun) if begun else 0.0

    def close(self) -> None:
        """Let the threads end after what they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
