"""Publishes a post every minute in the ticker channels."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

from sandbox.seed_world import SEED
from sandbox.world.model import Channel
from sandbox.world.world import World

PERIOD = 60.0  # seconds


async def tick_forever(world: World, period: float = PERIOD) -> None:
    """Publish a post in every ticker channel, every `period` seconds, until cancelled."""
    path = SEED / "ticker.json"
    templates: list[str] = (
        json.loads(path.read_text("utf-8"))["templates"] if path.exists() else ["{time}: {value} ({n})"]
    )
    while True:
        await asyncio.sleep(period)
        for channel in [each for each in world.channels.by_id.values() if each.ticker]:
            tick(world, channel, templates)
        world.commit()


def tick(world: World, channel: Channel, templates: list[str]) -> None:
    """Publish one post; number and value derive from a stored counter, so a restart continues the series."""
    number = world.next_number(f"ticker:{channel.id}")
    value = round(3 + (number * 37 % 90) / 10, 1)
    time = datetime.fromtimestamp(world.clock.now(), UTC).strftime("%H:%M")
    world.channels.publish(
        channel, templates[number % len(templates)].format(n=number, time=time, value=value)
    )
