"""The ingest process: all access to Telegram with people's accounts."""

import asyncio
import gc
import signal
import sys
from contextlib import suppress

from ingest.client import trust_key
from ingest.supervisor import Supervisor
from tg_assistant.infra.logging import error_hooks, logs
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.settings.groups import Settings
from tg_assistant.settings.load import SettingsError, load


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; disconnects sessions and releases leases before it returns."""
    error_hooks.log_loop_errors()
    trust_key(settings.telegram)
    async with open_runtime(settings) as rt, rt.pulse.beating(settings.stuck_seconds):
        working = asyncio.create_task(Supervisor(rt).run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, working.cancel)
        with suppress(asyncio.CancelledError):
            await working


def main() -> None:
    """Load the settings and run; exit with one sentence if a setting is wrong."""
    try:
        settings = load("ingest")
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(settings.log_level, process="ingest")
    asyncio.run(run(settings))
    gc.freeze()  # everything is closed: the interpreter's final collection would only take seconds


if __name__ == "__main__":
    main()
