"""The whole product as its users run it: every process, started by the demo's own supervisor."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from tests.phone import Phone, until
from tg_assistant.demo.console import Console
from tg_assistant.demo.data_folder import open_data_folder
from tg_assistant.demo.environment import Demo
from tg_assistant.demo.run import supervised
from tg_assistant.demo.supervisor import Supervisor


@dataclass
class Product:
    demo: Demo
    supervisor: Supervisor
    http: httpx.AsyncClient

    def phone(self, person: str) -> Phone:
        """Somebody's Telegram: `anna` or `max`."""
        return Phone(self.http, self.demo.phone_url, person)

    async def control(self, action: str, **body: Any) -> Any:
        """Faults and the clock of the local Telegram; never a short cut for what a person does."""
        answer = await self.http.post(f"{self.demo.control_url}/{action}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def violations(self) -> list[Any]:
        """What no client of Telegram may do, and every call the sandbox lacks."""
        return (await self.http.get(f"{self.demo.control_url}/violations")).json()

    async def kill(self, name: str) -> None:
        """kill −9, then wait until the supervisor's new process is healthy."""
        old = self.supervisor.pid(name)
        assert old is not None, f"{name} is not running"
        os.kill(old, signal.SIGKILL)
        item = self.supervisor.running[name]

        async def back() -> bool:
            return self.supervisor.pid(name) not in (None, old) and item.up.is_set()

        await until(back, f"{name} to come back", 180)


@asynccontextmanager
async def running_product(data: Path, models: Path, make: type[Demo] = Demo) -> AsyncIterator[Product]:
    """Everything on free ports over an empty folder; the embedding model is shared between runs."""
    data.mkdir(parents=True)
    (data / "models").symlink_to(models)
    with open_data_folder(data) as folder:
        ports, _ = folder.choose_ports(any_free=True)
        demo = make(folder, ports)
        async with (
            supervised(demo, Console()) as supervisor,
            httpx.AsyncClient(trust_env=False, timeout=60) as http,
        ):
            for item in supervisor.running.values():
                item.step = replace(item.step, patience=240)  # a busy machine is no fault
            await supervisor.start()
            watching = asyncio.create_task(supervisor.watch())
            try:
                yield Product(demo, supervisor, http)
            finally:
                watching.cancel()
