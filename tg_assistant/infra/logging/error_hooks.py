"""Uncaught errors are logged, and no error is logged with the values it was about.

Of an error's message only words remain that are constants of the code it passed through: all else may be user
data.
"""

import asyncio
import os
import re
import sys
import threading
from collections.abc import Iterator
from traceback import TracebackException
from types import CodeType, TracebackType
from typing import Any

import psycopg
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import StatementError

log = structlog.get_logger()
_STATEMENT = 300  # logged characters of an SQL statement: enough to identify it
# The first lines of these errors quote values, not only the name of what was wrong.
_QUOTING = (psycopg.DataError, psycopg.errors.SyntaxError)
_LONGEST = 2_000  # characters of an error's message that are examined
_FEWEST = 4  # letters; shorter constants of the code occur in any text
_PLACE = re.compile(r"\{[^{}]*\}|%[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")  # a placeholder in a constant
_GAP = re.compile("\0+")
_NUMBER = re.compile(r"\b\d{1,3}\b")  # a status, a line, a count
_LEFT_OUT = "…"
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def render(exc_info: ExcInfo) -> str:
    """Return a traceback with its frames, whose error messages contain words of the code but no values."""
    kind, error, where = exc_info
    if kind is None or error is None:
        return ""
    trace = TracebackException(kind, error, where)
    _hide(trace, error, _words(error))
    return "".join(trace.format()).rstrip("\n")


def log_uncaught() -> None:
    """Log errors that end the process or a thread, instead of printing them to standard error."""
    sys.excepthook = _process_failed
    threading.excepthook = _thread_failed


def log_loop_errors() -> None:
    """Log errors of the running event loop: those of callbacks, and of tasks that nobody awaited."""
    asyncio.get_running_loop().set_exception_handler(_loop_failed)


def _process_failed(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)
        return
    log.critical("process.failed", exc_info=(kind, error, where))


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is not SystemExit:
        log.error("thread.failed", exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback))


def _loop_failed(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # the description of a callback contains its arguments, that of a future its error's message
    what = "a callback failed" if "handle" in context else context.get("message")
    log.error("loop.failed", what=what, exc_info=context.get("exception"))


def told(error: BaseException) -> str:
    """Return an error as one line without user data, for a field of a log event."""
    said = _without_values(error, _words(error))
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _hide(trace: TracebackException, error: BaseException, words: list[str]) -> None:
    """Replace the message of an error, of its causes and of the members of a group."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    said = _without_values(error, words)

    def lines(**_: Any) -> Iterator[str]:
        yield f"{name}: {said}\n" if said else f"{name}\n"

    setattr(trace, "format_exception_only", lines)  # noqa: B010 - this one object's
    if trace.__cause__ and error.__cause__:
        _hide(trace.__cause__, error.__cause__, words)
    if trace.__context__ and error.__context__:
        _hide(trace.__context__, error.__context__, words)
    if isinstance(error, BaseExceptionGroup):
        for part, inner in zip(trace.exceptions or (), error.exceptions, strict=False):
            _hide(part, inner, words)


def _without_values(error: BaseException, words: list[str]) -> str:
    """Return the part of an error's message that may be logged."""
    if isinstance(error, StatementError):
        return f"{_first_line(error.orig)} [SQL: {(error.statement or '')[:_STATEMENT]}]"
    if isinstance(error, psycopg.Error):
        return _first_line(error)
    if isinstance(error, ValidationError):
        return f"{error.error_count()} wrong fields of {error.title}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"[Errno {error.errno}] {os.strerror(error.errno)}"
    try:
        said = str(error)[:_LONGEST]
    except Exception:  # `__str__` of a foreign error may fail in any way
        said = ""
    return _only(words, said)


def _only(words: list[str], said: str) -> str:
    """Return the message with all but the given words and small numbers replaced by "…"."""
    kept = bytearray(len(said))
    for found in _NUMBER.finditer(said):
        kept[found.start() : found.end()] = b"\1" * len(found[0])
    for word in words:
        at = said.find(word)
        while at >= 0:
            kept[at : at + len(word)] = b"\1" * len(word)
            at = said.find(word, at + len(word))
    shown = "".join(letter if keep else "\0" for letter, keep in zip(said, kept, strict=True))
    return _GAP.sub(_LEFT_OUT, shown)


def _words(error: BaseException) -> list[str]:
    """Return string constants of the code the error was raised in and passed through, with its causes'."""
    seen: set[int] = set()
    found: set[str] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        for code in _code(one):
            found.update(
                part for each in code.co_consts if isinstance(each, str) for part in _PLACE.split(each)
            )
        waiting += [one.__cause__, one.__context__]
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
    return [word for word in found if len(word.strip()) >= _FEWEST]


def _code(error: BaseException) -> Iterator[CodeType]:
    """Yield the code of the frames, and of the error's classes, which may compose the message."""
    where = error.__traceback__
    while where is not None:
        yield where.tb_frame.f_code
        where = where.tb_next
    for kind in type(error).__mro__:
        for name in ("__init__", "__str__"):
            if (code := getattr(vars(kind).get(name), "__code__", None)) is not None:
                yield code


def _first_line(error: BaseException | None) -> str:
    """Return an error's first line; DETAIL, CONTEXT and parameters, with user data, follow below it."""
    if not isinstance(error, psycopg.Error) or isinstance(error, _QUOTING):
        return f"({type(error).__name__})"
    return str(error).partition("\n")[0]
