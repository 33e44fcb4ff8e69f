"""Of an error the frames stay and the code's own words; what a caller sent is in none of its sentences."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from tg_assistant.errors import Invalid
from tg_assistant.infra.logging import error_hooks

MARK = "-".join(["canary", "of", "a", "caller"])  # no constant of the code it rises through


class Waiting(Exception):
    """A library's error that writes its sentence itself."""

    def __init__(self, seconds: int, request: str) -> None:
        super().__init__("A wait of {} seconds is required (caused by {})".format(seconds, request))  # noqa: UP032


class Untellable(Exception):
    def __str__(self) -> str:
        raise ValueError(MARK)


def raised(error: BaseException) -> Callable[[], Any]:
    def raising() -> None:
        raise error

    return raising


def quoting() -> None:
    raise LookupError(f"no channel is called {MARK!r}, look at the list")


def chained() -> None:
    try:
        int(MARK)
    except ValueError as error:
        error.add_note(MARK)
        raise RuntimeError(f"cannot read the page: {error}") from error


def grouped() -> None:
    raise ExceptionGroup(f"some of {MARK}", [ValueError(MARK), ExceptionGroup(MARK, [KeyError(MARK)])])


async def too_late() -> None:
    async with asyncio.timeout(0):
        await asyncio.sleep(9)


WAYS: dict[str, tuple[Callable[[], Any], str]] = {
    "number": (lambda: int(MARK), "ValueError"),
    "key": (lambda: {}[MARK], "KeyError"),
    "attribute": (lambda: getattr(1, MARK), "AttributeError"),
    "file": (lambda: Path(f"/no/{MARK}").read_text(), "[Errno 2] No such file or directory"),
    "json": (lambda: json.loads(f'{{"{MARK}'), "line 1 column 2"),
    "address": (lambda: urlsplit(f"//[{MARK}").port, "Invalid IPv6 URL"),
    "uuid": (lambda: UUID(MARK), "badly formed hexadecimal UUID string"),
    "source": (lambda: compile(f"{MARK} =", MARK, "exec"), "SyntaxError"),
    "import": (partial(import_module, MARK), "ModuleNotFoundError"),
    "encoding": (f"{MARK}\ud800".encode, "UnicodeEncodeError"),
    "decoding": (lambda: f"{MARK}\xff".encode("latin-1").decode(), "UnicodeDecodeError"),
    "sentence": (quoting, "LookupError: no channel is called …, look at the list"),
    "class": (raised(Waiting(30, MARK)), "A wait of 30 seconds is required (caused by …"),
    "ours": (raised(Invalid("graphql.syntax", problem=MARK)), "Invalid: …"),
    "cause": (chained, "RuntimeError: cannot read the page: …"),
    "group": (grouped, "KeyError"),
    "untellable": (raised(Untellable()), "Untellable"),
    "http": (lambda: httpx.get(f"http://{MARK}.invalid:1/{MARK}", trust_env=False), "httpx.ConnectError"),
    "scheme": (lambda: httpx.get(f"{MARK}://x", trust_env=False), "httpx.UnsupportedProtocol"),
    "long": (raised(ValueError(MARK * 1_000_000)), "ValueError"),
    "time": (lambda: asyncio.run(too_late()), "TimeoutError"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_an_error_is_told_without_what_was_sent(way: str) -> None:
    """In the traceback and in a field of a line; it still says what happened and where, and at once."""
    cause, words = WAYS[way]
    with pytest.raises(BaseException) as caught:
        cause()
    began = time.process_time()
    trace, line = error_hooks.render((caught.type, caught.value, caught.tb)), error_hooks.told(caught.value)
    assert time.process_time() - began < 1
    assert words in trace, trace
    assert MARK not in trace and MARK not in line
    assert "test_told_errors.py" in trace and "\n" not in line and caught.type.__name__ in line


def test_what_the_interpreter_could_not_tell_is_no_second_error() -> None:
    """Nothing to tell is told as nothing."""
    assert error_hooks.render((None, None, None)) == ""
    assert error_hooks.told(ValueError()) == "ValueError"
    assert sys.exc_info() == (None, None, None)
