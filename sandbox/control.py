"""The sandbox as one object: starts every front, injects faults, moves the clock, shows violations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Sandbox:
    """A running local Telegram. Ports are chosen when given as 0; everything listens on 127.0.0.1."""

    mtproto_port: int
    bot_api_port: int
    phone_port: int
    bot_api_url: str  # "http://127.0.0.1:<port>"
    phone_url: str  # "http://localhost:<port>"; other site than 127.0.0.1, as web.telegram.org is
    install: dict  # DATA/install.json: bot_token bot_id bot_username api_id api_hash dc_id rsa_key_file init_data_public_key
    violations: list[dict]


@asynccontextmanager
async def run_sandbox(
    data_dir: Path | str,
    *,
    seed: bool = True,
    mtproto_port: int = 0,
    bot_api_port: int = 0,
    phone_port: int = 0,
) -> AsyncIterator[Sandbox]:
    """Run a sandbox in this process until the block ends; data_dir keeps its world between runs."""
    raise NotImplementedError
    yield
