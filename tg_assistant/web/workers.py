"""Metrics and health of several workers of one web process.

They share a folder. Each writes its metrics there (prometheus_client's multiprocess mode) and serves its
checks on a Unix socket there; the worker that holds the internal port reports on all of them.
"""

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client reads it at import
_SILENT_SECONDS = 2.0  # a worker that does not answer within this time is stuck


@contextmanager
def sharing() -> Generator[None]:
    """Provide the shared folder. Enter before prometheus_client is imported; start the workers inside."""
    with TemporaryDirectory(prefix="tg-assistant-web-") as folder:
        os.environ[_FOLDER] = folder
        yield


def folder() -> Path | None:
    """The shared folder; None when there is a single worker."""
    return Path(os.environ[_FOLDER]) if _FOLDER in os.environ else None


def metrics_page(shared: Path) -> bytes:
    """Metrics in Prometheus's text format: counts of all workers since the start, gauges of the live ones."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

    for pid in {path.stem.rpartition("_")[2] for path in shared.glob("gauge_live*.db")}:
        if not _lives(int(pid)):
            mark_process_dead(int(pid), str(shared))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(shared))
    return generate_latest(registry)


@asynccontextmanager
async def answering(shared: Path, checks: Callable[[], Mapping[str, bool]]) -> AsyncGenerator[None]:
    """Serve this worker's checks as JSON on its Unix socket while the block runs."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(json.dumps(dict(checks())).encode())
            await writer.drain()
        writer.close()

    path = shared / f"{os.getpid()}.sock"
    async with await asyncio.start_unix_server(tell, path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


async def live(shared: Path) -> Mapping[str, bool]:
    """Each check, True if it passes in every worker; `workers` is True if each of them answers in time."""
    told = await asyncio.gather(*map(_ask, _sockets(shared)))
    failing = {name for checks in told for name, well in checks.items() if not well}
    return {name: name not in failing for name in sorted({"workers"}.union(*told))}


async def _ask(path: Path) -> Mapping[str, bool]:
    try:
        async with asyncio.timeout(_SILENT_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                return json.loads(await reader.read())
            finally:
                writer.close()
    except TimeoutError:
        return {"workers": False}
    except (OSError, ValueError):  # it has ended; its supervisor starts another
        _forget_if_dead(path)
        return {}


def _sockets(shared: Path) -> list[Path]:
    return list(shared.glob("*.sock"))


def _forget_if_dead(path: Path) -> None:
    if not _lives(int(path.stem)):
        path.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
