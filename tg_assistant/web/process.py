"""The web process's one Runtime: opened per worker; pages and the API get it through `current()`."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial

from tg_assistant.infra import metrics
from tg_assistant.infra.clock import SYSTEM
from tg_assistant.infra.health import database_answers, serve_health
from tg_assistant.infra.logging import error_hooks, logs
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.settings.groups import Settings
from tg_assistant.settings.load import load
from tg_assistant.web import workers

_settings: Settings | None = None
_runtime: Runtime | None = None


def configure(settings: Settings) -> None:
    """Set the settings that the process's main has read; forked workers inherit them."""
    global _settings  # noqa: PLW0603 - one process, one configuration
    _settings = settings


def settings() -> Settings:
    """The process's settings; read from the environment in a worker that was spawned, not forked.

    Raises SettingsError.
    """
    global _settings  # noqa: PLW0603
    if _settings is None:
        _settings = load("web")
    return _settings


def current() -> Runtime:
    """The open Runtime. Only Reflex pages and the API's dependencies call this.

    Raises RuntimeError before it is opened.
    """
    if _runtime is None:
        raise RuntimeError("the web process has not opened its runtime yet")
    return _runtime


def now() -> datetime:
    """The current time of the Runtime's clock, or of the machine's while none is open (views being built)."""
    return (_runtime.clock if _runtime is not None else SYSTEM).now()


@asynccontextmanager
async def lifespan() -> AsyncGenerator[None]:
    """Open the Runtime when a worker starts and close it when the worker ends (a Reflex lifespan task)."""
    global _runtime  # noqa: PLW0603
    logs.configure(settings().log_level, process="web")
    error_hooks.log_loop_errors()
    async with (
        open_runtime(settings()) as runtime,
        runtime.pulse.beating(settings().stuck_seconds),
        _internal_port(runtime),
    ):
        _runtime = runtime
        try:
            yield
        finally:
            _runtime = None


@asynccontextmanager
async def _internal_port(runtime: Runtime) -> AsyncGenerator[None]:
    """Serve health and metrics on a port of their own, if HEALTH_PORT is set."""
    at = runtime.settings
    if at.health_port is None:
        yield
        return

    async def check() -> Mapping[str, bool]:
        return {"database": await database_answers(runtime.db)}

    async with AsyncExitStack() as stack:
        live, page = runtime.pulse.live, metrics.page
        if shared := workers.folder():
            await stack.enter_async_context(workers.answering(shared, runtime.pulse.checks))
            live, page = partial(workers.live, shared), partial(workers.metrics_page, shared)
        internal = serve_health(at.health_port, check, live=live, host=at.health_host, page=page)
        serving = asyncio.create_task(internal)
        try:
            yield
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
