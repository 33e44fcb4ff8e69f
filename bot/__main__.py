"""The bot process: receives updates, sends answers and notifications."""

import asyncio
import gc
import sys

from bot.run import run
from tg_assistant.infra.logging import error_hooks, logs
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.settings.groups import Settings
from tg_assistant.settings.load import SettingsError, load


async def serve(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT."""
    error_hooks.log_loop_errors()
    async with open_runtime(settings) as rt, rt.pulse.beating(settings.stuck_seconds):
        await run(rt)


def main() -> None:
    """Load the settings and run; exit with one sentence if a setting is wrong."""
    try:
        settings = load("bot")
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(settings.log_level, process="bot")
    asyncio.run(serve(settings))
    gc.freeze()  # everything is closed: the interpreter's final collection would only take seconds


if __name__ == "__main__":
    main()
