"""The bot process: updates in, answers and notifications out."""

import asyncio
import gc
import sys

from bot.run import run
from tg_assistant.infra.logging import error_hooks, logs
from tg_assistant.infra.runtime import open_runtime
from tg_assistant.settings.groups import Settings
from tg_assistant.settings.load import SettingsError, load


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    error_hooks.log_loop_errors()
    async with open_runtime(settings) as rt, rt.pulse.beating(settings.stuck_seconds):
        await run(rt)


def main() -> None:
    """Ends with one sentence when a setting is wrong."""
    try:
        settings = load("bot")
    except SettingsError as error:
        sys.exit(str(error))
    logs.configure(settings.log_level, process="bot")
    asyncio.run(serve(settings))
    gc.freeze()  # everything is closed: the interpreter's last collection would only cost seconds


if __name__ == "__main__":
    main()
