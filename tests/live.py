"""The API behind a real HTTP server in a thread of its own, for clients outside our event loop."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.servers import as_door
from tg_assistant.api.app import create_api
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.settings.groups import Settings


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """Its address, while it serves on a free port."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        web = settings.web.model_copy(update={"public_url": url})
        server = uvicorn.Server(uvicorn.Config(lambda: None, log_config=None, timeout_keep_alive=30))
        thread = threading.Thread(
            target=_serve, args=(server, settings.model_copy(update={"web": web}), listening)
        )
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                thread.join(0.05)
            yield url
        finally:
            server.should_exit = True
            thread.join(30)


def _serve(server: uvicorn.Server, settings: Settings, listening: socket.socket) -> None:
    async def run() -> None:
        async with open_runtime(settings) as rt, as_door(rt) as door:
            server.config.app = create_api(lambda: door)
            server.config.loaded = False
            await server.serve([listening])

    asyncio.run(run())
