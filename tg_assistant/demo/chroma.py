"""`chroma run` from the chromadb wheel: the vector server of the demo and of the tests."""

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tg_assistant.demo.ports import free_port


@contextmanager
def running_chroma(data_dir: Path, port: int = 0) -> Generator[str]:
    """A Chroma server over `data_dir`; yields its URL once the heartbeat answers. Raises TimeoutError."""
    port = port or free_port()
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir.parent / f"{data_dir.name}.log").open("ab") as log:
        process = subprocess.Popen(command(data_dir, port), stdout=log, stderr=log)  # noqa: S603
    try:
        deadline = time.monotonic() + 60
        while not is_ready(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise TimeoutError(f"Chroma did not start; see its log beside {data_dir}")
            time.sleep(0.1)
        yield url(port)
    finally:
        process.terminate()
        process.wait(20)


def command(data_dir: Path, port: int) -> list[str]:
    """The command line of a foreground server on loopback."""
    chroma = Path(sys.executable).with_name("chroma")
    return [str(chroma), "run", "--path", str(data_dir), "--host", "127.0.0.1", "--port", str(port)]


def url(port: int) -> str:
    """The server's address, for CHROMA_URL."""
    return f"http://127.0.0.1:{port}"


def is_ready(port: int) -> bool:
    """Whether the server's heartbeat answers now."""
    try:
        return httpx.get(f"{url(port)}/api/v2/heartbeat", timeout=2).is_success
    except httpx.HTTPError:
        return False
