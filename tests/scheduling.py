"""Who runs what, and when, of a suite on several workers.

A worker gets whole files, because fixtures are made once a file, and at once what shares a whole product.
What takes longest comes first, so that no worker is left with it at the end. A test marked `alone` measures
time: nothing else runs meanwhile, and files with such tests come last.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests import workers
from tests.durations import SECONDS

_MEMORY = 3 * 2**30  # bytes of the machine for each worker: its model, its servers and browsers
_MOST = 8
_UNKNOWN = 5  # seconds; of a file that is not in the table
_ALONE = "alone"
_TOGETHER = ("tests/e2e/",)  # one product for all files of the folder


class ByFile(LoadScopeScheduling):
    """Units of work are files, handed out in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)

    def remove_node(self, node: WorkerController) -> str | None:
        """A worker died: what it had left goes to others, but for the test that killed it."""
        left = {scope: tests for scope, tests in self.assigned_work[node].items() if not all(tests.values())}
        fatal = next((name for tests in left.values() for name, done in tests.items() if not done), None)
        if fatal is not None:
            left[unit(fatal)][fatal] = True
        self.assigned_work[node] = {scope: tests for scope, tests in left.items() if not all(tests.values())}
        super().remove_node(node)
        return fatal


def unit(nodeid: str) -> str:
    """What a worker gets at once."""
    file = nodeid.split("::", 1)[0]
    return next((folder for folder in _TOGETHER if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: two a core, because tests wait for servers and browsers for long; as memory allows."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(2 * cores, memory // _MEMORY, _MOST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    config.option.loadscopereorder = False  # xdist would sort by the number of tests
    return ByFile(config, log)


def sort(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several workers share the tests; otherwise they stay in the order of files."""
    if workers.given(config) is not None:
        last = {unit(item.nodeid) for item in items if _ALONE in item.keywords}
        items.sort(key=lambda item: (unit(item.nodeid) in last, -_seconds(item), unit(item.nodeid)))


def _seconds(item: pytest.Item) -> float:
    return SECONDS.get(unit(item.nodeid), _UNKNOWN)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Outside of the limit of time of the test, which waits here until it may begin."""
    with _turn(item):
        return (yield)


@contextmanager
def _turn(item: pytest.Item) -> Iterator[None]:
    """All others at once, or one that is alone."""
    servers = workers.given(item.config)
    if servers is None:
        yield
        return
    with (Path(servers["shared"]) / "turn.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if _ALONE in item.keywords else fcntl.LOCK_SH)
        yield


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Iterator[Any]:
    """What a test printed can be sent to the controller: UTF-8 has no halves of emoji, they are replaced."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _sendable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_sendable(each) for each in value)
    return value
