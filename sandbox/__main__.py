"""`python -m sandbox`: the local Telegram as a process."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

import structlog

from sandbox.control import run_sandbox

log = structlog.get_logger()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description="A local Telegram for demos and tests.")
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the world")
    parser.add_argument("--mtproto-port", type=int, default=0, help="0 picks one")
    parser.add_argument("--bot-api-port", type=int, default=0)
    parser.add_argument("--phone-port", type=int, default=0)
    parser.add_argument("--no-seed", action="store_true", help="people only, no demo channels")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with run_sandbox(
        arguments.data,
        seed=not arguments.no_seed,
        mtproto_port=arguments.mtproto_port,
        bot_api_port=arguments.bot_api_port,
        phone_port=arguments.phone_port,
    ) as sandbox:
        log.info(
            "sandbox.ready",
            mtproto_port=sandbox.mtproto_port,
            bot_api=sandbox.bot_api_url,
            phone=sandbox.phone_url,
        )
        await stopped.wait()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        asyncio.run(_run(_arguments()))
    except RuntimeError as error:
        sys.exit(str(error))
