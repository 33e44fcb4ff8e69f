"""Rate limit of the log: of similar lines at most ALIKE a minute, of a traceback one; the rest is counted."""

import logging
import re
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

ALIKE = 600  # lines per minute: ten per second
_SECONDS = 60.0
_MANY = 500  # kinds in a minute; all further ones count as a single kind
_NUMBERS = re.compile(r"\d+")
_TOLD_APART = ("event", "code", "reason", "level")  # fields that define a kind


@dataclass
class _Kind:
    since: float
    count: int = 0
    left_out: int = 0


class Sparing(logging.Filter):
    """Filter of the handler, which gets our lines and those of libraries, from all threads."""

    def __init__(self, alike: int = ALIKE, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._alike, self._clock = alike, clock
        self._kinds: dict[Hashable, _Kind] = {}
        self._turn = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        ours: dict[str, Any] | None = record.msg if isinstance(record.msg, dict) else None
        trace = _NUMBERS.sub("", str(ours.get("exception", ""))) if ours is not None else _place_of(record)
        with self._turn:
            count, left_out = self._counted((_kind_of(record, ours), trace))
        if count > self._alike:
            return False
        if trace and count > 1:  # only the last line of a repeated traceback stays
            if ours is not None:
                ours["exception"] = f"(as before) {str(ours['exception']).strip().rpartition(chr(10))[2]}"
            elif record.exc_info and record.exc_info[0] is not None:
                record.as_before = record.exc_info[0].__name__
                record.exc_info = record.exc_text = None
        if left_out and ours is not None:
            ours["left_out"] = left_out
        elif left_out:
            record.left_out = left_out
        return True

    def _counted(self, key: Hashable) -> tuple[int, int]:
        """Count a line; return its number among its kind this minute, and how many were dropped before."""
        now = self._clock()
        if key not in self._kinds and len(self._kinds) >= _MANY:
            self._kinds = {each: kind for each, kind in self._kinds.items() if now - kind.since < _SECONDS}
            key = key if len(self._kinds) < _MANY else None
        kind = self._kinds.setdefault(key, _Kind(now))
        left_out = 0
        if now - kind.since >= _SECONDS:
            left_out, kind.left_out = kind.left_out, 0
            kind.since, kind.count = now, 0
        kind.count += 1
        kind.left_out += kind.count > self._alike
        return kind.count, left_out


def _kind_of(record: logging.LogRecord, ours: dict[str, Any] | None) -> Hashable:
    """Return a line's kind; of a library's line it is the place in the code, as any text may be in it."""
    if ours is None:
        return record.name, record.pathname, record.lineno
    return tuple(str(ours.get(name, ""))[:100] for name in _TOLD_APART)


def _place_of(record: logging.LogRecord) -> Hashable:
    """Return what identifies a library's traceback: the error's class and place; None without one."""
    if not record.exc_info or record.exc_info[0] is None:
        return None
    where = record.exc_info[2]
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    return record.exc_info[0], where and (where.tb_frame.f_code.co_filename, where.tb_lineno)
