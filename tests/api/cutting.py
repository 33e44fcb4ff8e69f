"""A proxy as the worst of them are: it holds back small pieces and cuts connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast


@asynccontextmanager
async def proxied(port: int, *, hold: float = 0.0, cut_after: int | None = None) -> AsyncIterator[str]:
    """Its address. What comes from `port` is passed on every `hold` seconds; cut after `cut_after` bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(cast(asyncio.Task[None], asyncio.current_task()))
        upstream, back = await asyncio.open_connection("127.0.0.1", port)
        up = asyncio.create_task(_up(reader, back))
        try:
            with suppress(OSError):
                await _down(upstream, writer, hold, cut_after)
        finally:
            up.cancel()
            for stream in (writer, back):
                stream.transport.abort()

    serving: set[asyncio.Task[None]] = set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


async def _down(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hold: float, cut_after: int | None
) -> None:
    left = cut_after
    while piece := await reader.read(65536):
        if hold:
            await asyncio.sleep(hold)
        writer.write(piece if left is None else piece[:left])
        await writer.drain()
        left = None if left is None else left - len(piece)
        if left is not None and left <= 0:
            return
