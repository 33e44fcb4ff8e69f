"""The sandbox as one object: starts every interface, injects faults, shifts the clock, shows violations."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from sandbox.bot_api.app import make_bot_api
from sandbox.control_actions import HOST, Actions
from sandbox.control_http import add_control
from sandbox.install import HOME_DC, OTHER_DC
from sandbox.phone_api import make_phone_app
from sandbox.seed_world import seed_channels, seed_people
from sandbox.tg_api import Dispatcher, Pusher
from sandbox.ticker import tick_forever
from sandbox.wire.handshake import RsaKey
from sandbox.wire.server import WireServer
from sandbox.world.world import World


class Sandbox(Actions):
    """A running local Telegram. Everything listens on 127.0.0.1; ports given as 0 are chosen."""

    def __init__(self, world: World, server: WireServer) -> None:
        super().__init__(world, server)
        self._runners: list[web.AppRunner] = []
        self._ticker: asyncio.Task[None] | None = None

    async def start(self, ports: dict[str, int]) -> None:
        """Start every interface. `ports`: mtproto, bot_api, phone; 0 chooses a free one."""
        kept = next(self.world.store.load("ports"), {})
        self.server.ports[HOME_DC], self.server.ports[OTHER_DC] = ports["mtproto"], kept.get("other", 0)
        await self.server.start()
        self.world.store.put("ports", "all", {"other": self.server.ports[OTHER_DC]})
        self.mtproto_port = self.server.ports[HOME_DC]
        self.bot_api_port = await self._serve(make_bot_api(self.world), ports["bot_api"])
        phone = make_phone_app(self.world, self.server)
        add_control(phone, self)
        self.phone_port = await self._serve(phone, ports["phone"])
        self._ticker = asyncio.get_running_loop().create_task(tick_forever(self.world))

    async def stop(self) -> None:
        """Close every interface and the store."""
        if self._ticker:
            self._ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticker
        await self.server.stop()
        for runner in self._runners:
            await runner.cleanup()
        self.world.close()

    async def _serve(self, app: web.Application, port: int) -> int:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        return runner.addresses[0][1]


def open_world(data_dir: Path, *, seed: bool) -> World:
    """Open the saved world, or create one. Raises RuntimeError in production."""
    if os.environ.get("ENVIRONMENT", "").lower() == "production":
        raise RuntimeError(
            "The sandbox is a local Telegram for demos and tests; ENVIRONMENT=production refuses it."
        )
    world = World(data_dir)
    seed_people(world)
    if seed:
        seed_channels(world)
    return world


@asynccontextmanager
async def run_sandbox(
    data_dir: Path | str,
    *,
    seed: bool = True,
    mtproto_port: int = 0,
    bot_api_port: int = 0,
    phone_port: int = 0,
) -> AsyncGenerator[Sandbox]:
    """Run a sandbox in this process until the block ends; `data_dir` stores its world between runs."""
    world = open_world(Path(data_dir), seed=seed)
    server = WireServer(world, RsaKey(world.install.rsa_key), Dispatcher(world), {HOME_DC: 0, OTHER_DC: 0})
    world.hub.listen(Pusher(server))
    sandbox = Sandbox(world, server)
    await sandbox.start({"mtproto": mtproto_port, "bot_api": bot_api_port, "phone": phone_port})
    try:
        yield sandbox
    finally:
        await sandbox.stop()
