"""The suite on several workers: one PostgreSQL and one Chroma for all, and one last look at every log.

With `-n` the controller, which runs no test, starts the servers before its workers and ends them after the
last one, whatever became of the workers. Without `-n` (`make test ARGS=tests/bot`) the session does.
"""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import generate_latest

from tests.attacks import planted
from tests.servers import migrated_template
from tg_assistant.demo.chroma import running_chroma
from tg_assistant.demo.postgres import Postgres, running_postgres
from tg_assistant.infra import metrics


@dataclass
class Servers:
    """What the controller started, and what its workers told at their end."""

    folder: Path
    postgres: Postgres
    chroma_url: str
    counted: list[bytes]
    running: ExitStack


_OURS = "TGA_SUITE"  # in the environment of every process that a worker starts
SERVERS = pytest.StashKey[Servers]()


@contextmanager
def a_folder() -> Iterator[Path]:
    """A short path: PostgreSQL's socket has to fit in 108 bytes."""
    with TemporaryDirectory(prefix="tga-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def a_postgres(folder: Path) -> Iterator[Postgres]:
    """A server with the template from which each module's database is copied."""
    with running_postgres(folder / "pg") as server:
        migrated_template(server)
        yield server


def note_passwords(server: Postgres) -> None:
    """The passwords of its roles may stand in no log."""
    for url in (server.app_url, server.worker_url, server.owner_url):
        role = urlsplit(url)
        planted.NOTED[f"password of {role.username}"] = role.password or ""


def assert_nothing_planted(folder: Path, *counted: bytes) -> None:
    """No log below the folder and no metric holds a secret that any process of the suite was given."""
    known = planted.of_the_suite(folder)
    logs, metrics_ = planted.in_logs(folder, known), planted.found(known, b"\n".join(counted))
    assert not logs and not metrics_, f"secrets in logs: {logs}; in metrics: {metrics_}"


def given(config: pytest.Config) -> dict[str, Any] | None:
    """What the controller gave this worker; None without workers."""
    return getattr(config, "workerinput", {}).get("servers")


@contextmanager
def one_at_a_time(config: pytest.Config, what: str) -> Iterator[None]:
    """What the first worker makes, and the others find."""
    with ExitStack() as stack:
        if servers := given(config):
            lock = stack.enter_context((Path(servers["shared"]) / f"{what}.lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _controls(config: pytest.Config) -> bool:
    return config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """The controller starts the servers before xdist starts the workers."""
    if servers := given(session.config):
        os.environ[_OURS] = servers["shared"]
    if not _controls(session.config) or session.config.option.collectonly:
        return
    counted: list[bytes] = []
    with ExitStack() as stack:
        folder = stack.enter_context(a_folder())
        stack.callback(lambda: assert_nothing_planted(folder, *counted))
        postgres = stack.enter_context(a_postgres(folder))
        note_passwords(postgres)
        chroma_url = stack.enter_context(running_chroma(folder / "chroma"))
        session.config.stash[SERVERS] = Servers(folder, postgres, chroma_url, counted, stack.pop_all())


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist asks what a new worker is to be given."""
    servers = node.config.stash.get(SERVERS, None)
    if servers is not None:
        folder = servers.folder / node.workerinput["workerid"]
        folder.mkdir()
        node.workerinput["servers"] = {
            "folder": str(folder),
            "shared": str(servers.folder),
            "postgres": asdict(servers.postgres),
            "chroma_url": servers.chroma_url,
        }


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker ended, and says what it noted; one that was killed has failed its test by that."""
    servers = node.config.stash.get(SERVERS, None)
    told = getattr(node, "workeroutput", None) or {}
    if servers is not None and "noted" in told:
        planted.NOTED.update(told["noted"])
        servers.counted.append(told["counted"].encode())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker tells what it knows; the controller ends the servers and looks at all that was written."""
    config = session.config
    if hasattr(config, "workeroutput"):
        told = {"noted": planted.NOTED, "counted": generate_latest(metrics.REGISTRY).decode()}
        config.workeroutput.update(told)
    servers = config.stash.get(SERVERS, None)
    if servers is not None:
        _end_what_is_left(servers.folder)
        try:
            servers.running.close()
        except AssertionError as error:
            _fail(session, str(error))


def _end_what_is_left(folder: Path) -> None:
    """Processes of workers that were killed: known by their environment, where the system tells it."""
    mark = f"{_OURS}={folder}\0".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def _fail(session: pytest.Session, said: str) -> None:
    """What was found after the last test fails the run like a test's teardown."""
    name = "nothing planted in any log"
    report = pytest.TestReport(name, ("tests/workers.py", None, name), {}, "failed", said, "teardown")
    session.config.hook.pytest_runtest_logreport(report=report)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
