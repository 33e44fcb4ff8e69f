"""Listens for MTProto clients, with one port per data centre, and tracks every live connection."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from functools import partial

import structlog

from sandbox.install import HOME_DC
from sandbox.wire.connection import Api, Connection
from sandbox.wire.handshake import RsaKey
from sandbox.wire.transport import open_transport
from sandbox.world.world import World

log = structlog.get_logger()

HOST = "127.0.0.1"

# seconds; a client that reconnects closes the old socket first, but that may be noticed a moment later
OVERLAP_GRACE = 0.5


class WireServer:
    """The MTProto server; `ports` is {dc_id: port}, where 0 chooses a free one."""

    def __init__(self, world: World, rsa_key: RsaKey, api: Api, ports: dict[int, int]) -> None:
        self.world, self.rsa_key, self.api, self.ports = world, rsa_key, api, ports
        self.connections: set[Connection] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Start listening, also after a `stop`; does nothing if it already listens. Raises OSError."""
        if self._servers:
            return
        for dc_id, port in self.ports.items():
            server = await self._listen(dc_id, port)
            self.ports[dc_id] = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    async def _listen(self, dc_id: int, port: int) -> asyncio.Server:
        serve = partial(self._serve, dc_id)
        try:
            return await asyncio.start_server(serve, HOST, port)
        except OSError:
            # only the home port must not change: it is a setting, and getConfig tells clients the other one
            if dc_id == HOME_DC:
                raise
            return await asyncio.start_server(serve, HOST, 0)

    async def stop(self) -> None:
        """Close the ports and every connection: Telegram is unreachable until `start`."""
        for server in self._servers:
            server.close()
        self.drop_all()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def drop_all(self) -> None:
        for connection in tuple(self.connections):
            connection.close()

    def of_key(self, key_id: str) -> Iterator[Connection]:
        """The live connections of an authorisation key."""
        return (each for each in tuple(self.connections) if each.key and each.key.id == key_id)

    def of_person(self, person_id: int) -> Iterator[Connection]:
        """The live connections logged in as a person."""
        return (each for each in tuple(self.connections) if each.key and each.key.person_id == person_id)

    def forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.discard(connection)
            if connection.key:
                self.world.hub.emit("devices", person_id=connection.key.person_id)

    async def claim(self, connection: Connection) -> None:
        """Check the key's new connection: a second one at once destroys the key, as Telegram does (406)."""
        assert connection.key is not None
        others = [each for each in self.of_key(connection.key.id) if each is not connection]
        for other in others:
            try:
                async with asyncio.timeout(OVERLAP_GRACE):
                    await other.closed.wait()
            except TimeoutError:
                self.world.violations.record("overlap", key=connection.key.id, device=connection.key.device)
                self.world.keys.break_key(connection.key, "AUTH_KEY_DUPLICATED")

    async def _serve(self, dc_id: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            connection = Connection(self, dc_id, await open_transport(reader, writer))
        except (OSError, EOFError):
            writer.close()
            return
        self.connections.add(connection)
        try:
            await connection.run()
        except (OSError, EOFError, struct.error, asyncio.CancelledError) as error:
            log.debug("sandbox.connection_ended", reason=str(error) or type(error).__name__)
        except Exception:  # a malformed packet ends its own connection only
            log.exception("sandbox.connection_failed")
        finally:
            self.forget(connection)
            writer.close()
