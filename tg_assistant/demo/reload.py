"""`make dev`: restarts a process when one of its source files has changed."""

import asyncio
import signal
from pathlib import Path

from tg_assistant.demo import guardian
from tg_assistant.demo.console import Console
from tg_assistant.demo.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
_SHARED = ("tg_assistant/core", "tg_assistant/infra", "tg_assistant/models", "tg_assistant/texts")
_SOURCES = {
    "web": ("tg_assistant",),
    "bot": ("bot", *_SHARED),
    "ingest": ("ingest", *_SHARED),
    "embedder": ("tg_assistant/embedder", "tg_assistant/infra"),
    "sandbox": ("sandbox",),
}


async def reload(supervisor: Supervisor, console: Console, period: float = 1.0) -> None:
    """Check every `period` seconds until cancelled; end changed processes, which the supervisor restarts."""
    seen = {name: newest(name) for name in _SOURCES}
    while True:
        await asyncio.sleep(period)
        for name, before in seen.items():
            seen[name] = newest(name)
            pid = supervisor.pid(name)
            if seen[name] > before and pid:
                console.event(name, "source changed")
                if name == "web":
                    await asyncio.to_thread(_build)
                guardian.send(pid, signal.SIGTERM)


def newest(name: str) -> float:
    """The latest modification time among a process's sources, in seconds since 1970."""
    files = [path for folder in _SOURCES[name] for path in (ROOT / folder).rglob("*.py")]
    return max(path.stat().st_mtime for path in files)


def _build() -> None:
    from tg_assistant.web.build import build_if_changed

    build_if_changed()
