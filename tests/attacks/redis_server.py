"""A real Redis of the test's own, that can be killed, stopped and started again."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tg_assistant.demo.ports import free_port

BINARY = shutil.which("redis-server")


@dataclass
class Redis:
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        assert BINARY is not None
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen([BINARY, *options], stdout=quiet, stderr=quiet)
        for _ in range(1_500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(60)

    def freeze(self) -> None:
        """It takes connections and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)


@contextmanager
def running_redis() -> Iterator[Redis]:
    """Skips where there is no redis-server."""
    if BINARY is None:
        pytest.skip("no redis-server: scripts/redis.sh installs one as root")
    server = Redis(free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
