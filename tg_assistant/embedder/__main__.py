"""The embedder process: the embedding model, loaded once for web, bot and ingest."""

import asyncio
import gc
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress

import structlog

from tg_assistant.embedder.service import Service, serving
from tg_assistant.infra.embeddings import LocalEmbedder
from tg_assistant.infra.health import serve_health
from tg_assistant.infra.logging import error_hooks, logs
from tg_assistant.infra.pulse import Pulse
from tg_assistant.infra.text_work import TextWork
from tg_assistant.settings.groups import ProcessSettings
from tg_assistant.settings.load import SettingsError, load_embedder

log = structlog.get_logger()


async def run(settings: ProcessSettings) -> None:
    """Serve until SIGTERM or SIGINT. Callers wait for the model. Raises what loading it raised."""
    error_hooks.log_loop_errors()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    at = settings.retrieval
    async with AsyncExitStack() as stack:
        texts = TextWork()
        stack.callback(texts.close)
        pulse = Pulse(texts)
        await stack.enter_async_context(pulse.beating(settings.stuck_seconds))
        embedder = LocalEmbedder(at.embedding_cache_dir)
        stack.push_async_callback(embedder.close)
        key = at.embedder_key.get_secret_value() if at.embedder_key else None
        await stack.enter_async_context(serving(Service(embedder, key), at.embedder_host, at.embedder_port))
        if settings.health_port is not None:
            internal = asyncio.create_task(_internal_port(settings.health_port, settings, embedder, pulse))
            stack.callback(internal.cancel)
        stopping = asyncio.create_task(stop.wait())
        loading = asyncio.create_task(embedder.loaded())
        await asyncio.wait([loading, stopping], return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            await loading
            log.info("embedder.ready", model=embedder.model)
        await stopping


async def _internal_port(port: int, settings: ProcessSettings, embedder: LocalEmbedder, pulse: Pulse) -> None:
    async def check() -> Mapping[str, bool]:
        return {"model": await embedder.answers()}

    with suppress(asyncio.CancelledError):
        await serve_health(port, check, live=pulse.live, host=settings.health_host)


def main() -> None:
    """Load the settings and run; exit with one sentence if a setting is wrong."""
    try:
        settings = load_embedder()
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(settings.log_level, process="embedder")
    asyncio.run(run(settings))
    gc.freeze()  # everything is closed: the interpreter's final collection would only take seconds


if __name__ == "__main__":
    main()
