"""Errors nobody caught become lines of the log, and no error repeats the values it was about."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from traceback import TracebackException
from types import TracebackType
from typing import Any

import psycopg
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import StatementError

log = structlog.get_logger()
_STATEMENT = 300  # characters of it are enough to find it
# Their first lines quote what was given, not only the name of what was wrong with it.
_QUOTING = (psycopg.DataError, psycopg.errors.SyntaxError)
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]


def render(exc_info: ExcInfo) -> str:
    """A traceback in which errors of PostgreSQL and of validation are told without the values."""
    kind, error, where = exc_info
    if kind is None or error is None:
        return ""
    trace = TracebackException(kind, error, where)
    _hide(trace, error)
    return "".join(trace.format()).rstrip("\n")


def log_uncaught() -> None:
    """From now on what would end the process or a thread is told by the log, not on standard error."""
    sys.excepthook = _process_failed
    threading.excepthook = _thread_failed


def log_loop_errors() -> None:
    """The same for what the running event loop finds: tasks and callbacks whose error nobody looked at."""
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
    # a callback's description repeats its arguments, a future's its error's own words
    what = "a callback failed" if "handle" in context else context.get("message")
    log.error("loop.failed", what=what, exc_info=context.get("exception"))


def _hide(trace: TracebackException, error: BaseException) -> None:
    """Replace what an error says, its causes and the members of a group too."""
    if (said := _without_values(error)) is not None:

        def lines(**_: Any) -> Iterator[str]:
            yield f"{type(error).__module__}.{type(error).__qualname__}: {said}\n"

        setattr(trace, "format_exception_only", lines)  # noqa: B010 - this one object's
    if trace.__cause__ and error.__cause__:
        _hide(trace.__cause__, error.__cause__)
    if trace.__context__ and error.__context__:
        _hide(trace.__context__, error.__context__)
    if isinstance(error, BaseExceptionGroup):
        for part, inner in zip(trace.exceptions or (), error.exceptions, strict=False):
            _hide(part, inner)


def _without_values(error: BaseException) -> str | None:
    """What may be told of an error that quotes values; None: all that it says itself."""
    if isinstance(error, StatementError):
        return f"{_first_line(error.orig)} [SQL: {(error.statement or '')[:_STATEMENT]}]"
    if isinstance(error, psycopg.Error):
        return _first_line(error)
    if isinstance(error, ValidationError):
        return f"{error.error_count()} wrong fields of {error.title}"
    return None


def _first_line(error: BaseException | None) -> str:
    """DETAIL, CONTEXT and parameters stand below the first line."""
    if not isinstance(error, psycopg.Error) or isinstance(error, _QUOTING):
        return f"({type(error).__name__})"
    return str(error).partition("\n")[0]
