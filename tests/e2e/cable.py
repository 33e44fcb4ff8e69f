"""A TCP cable between the browser and the web process that a test can cut and mend."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from tg_assistant.demo.environment import Demo
from tg_assistant.demo.ports import free_port

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Cable:
    """While cut, open connections are gone and new ones are closed at once."""

    near_port: int
    far_port: int
    whole: bool = True
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """Break every connection, as a phone that leaves the network does."""
        self.whole = False
        for writer in list(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        self.whole = True

    async def lie(self) -> None:
        """Carry connections until cancelled."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", self.near_port)
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            self.cut()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            if self.whole:
                far = await asyncio.open_connection("127.0.0.1", self.far_port)
                await self._both_ways((reader, writer), far)
        writer.transport.abort()

    async def _both_ways(self, near: Ends, far: Ends) -> None:
        self._open |= {near[1], far[1]}
        try:
            await asyncio.gather(_copy(near[0], far[1]), _copy(far[0], near[1]))
        finally:
            self._open -= {near[1], far[1]}
            far[1].transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


@dataclass
class CabledDemo(Demo):
    """A demo whose web address is the near end of a cable; the web process listens at the far end."""

    cable: Cable = field(init=False)

    def __post_init__(self) -> None:
        self.cable = Cable(self.ports["web"], free_port())
        self._lying = asyncio.create_task(self.cable.lie())

    def web_environment(self) -> dict[str, str]:
        return super().web_environment() | {"WEB_PORT": str(self.cable.far_port)}
