"""The web process's one Runtime: opened per worker, reached by pages and the API through `current()`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from tg_assistant.infra import logs
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.settings import Settings, load

_settings: Settings | None = None
_runtime: Runtime | None = None
_started = datetime.now(UTC)


def configure(settings: Settings) -> None:
    """Hand over the settings the process main has read; forked workers inherit them."""
    global _settings  # noqa: PLW0603 - one process, one configuration
    _settings = settings


def settings() -> Settings:
    """The process's settings; read from the environment in a worker that was spawned, not forked."""
    global _settings  # noqa: PLW0603
    if _settings is None:
        _settings = load("web")
    return _settings


def current() -> Runtime:
    """The open Runtime. Only Reflex pages and the API's dependencies call this."""
    if _runtime is None:
        raise RuntimeError("the web process has not opened its runtime yet")
    return _runtime


def is_older(moment: datetime) -> bool:
    """Whether `moment` is before this process: what was begun then, nobody works on any more."""
    return moment < _started


@asynccontextmanager
async def lifespan() -> AsyncIterator[None]:
    """Opens the Runtime when a worker starts and closes it when it ends (a Reflex lifespan task)."""
    global _runtime  # noqa: PLW0603
    logs.configure(settings().log_level, process="web")
    async with open_runtime(settings()) as runtime:
        _runtime = runtime
        try:
            yield
        finally:
            _runtime = None
