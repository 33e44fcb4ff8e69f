"""`tg-assistant demo`: the whole product on this machine until Ctrl-C."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tg_assistant.demo.console import Console
from tg_assistant.demo.data_folder import FolderInUse, holder, open_data_folder
from tg_assistant.demo.environment import Demo
from tg_assistant.demo.plan import steps
from tg_assistant.demo.postgres import ServerTrouble
from tg_assistant.demo.reload import reload
from tg_assistant.demo.supervisor import StartFailed, Supervisor


def run(data: Path, *, reset: bool = False, watch: bool = False) -> int:
    """Run the demo. Returns the exit code: 0 after Ctrl-C, 1 if something could not start."""
    console = Console()
    try:
        return asyncio.run(_run(data, reset, watch, console))
    except (FolderInUse, StartFailed, ServerTrouble) as error:
        console.say(console.paint(str(error), "31"))
        return 1


def down(data: Path, seconds: float = 15) -> str:
    """Stop the demo that uses this folder; returns a sentence with the outcome."""
    pid = holder(data)
    if pid is None:
        return "No demo is running."
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while holder(data) and time.monotonic() < deadline:
        time.sleep(0.1)
    return f"The demo still runs (process {pid})." if holder(data) else "The demo has stopped."


async def _run(data: Path, reset: bool, watch: bool, console: Console) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with open_data_folder(data, reset=reset) as folder:
        ports, replaced = folder.choose_ports()
        for name, (wanted, got) in replaced.items():
            console.say(f"Port {wanted} ({name}) is busy: using {got} instead.")
        demo = Demo(folder, ports)
        async with supervised(demo, console) as supervisor:
            life = asyncio.ensure_future(_live(supervisor, demo, watch, console))
            await asyncio.wait(
                [life, asyncio.ensure_future(stop.wait())], return_when=asyncio.FIRST_COMPLETED
            )
            if life.done():
                await life
            life.cancel()
            console.say("\nStopping…")
    console.say("Stopped. Everything is kept; `make demo RESET=1` starts over.")
    return 0


async def _live(supervisor: Supervisor, demo: Demo, watch: bool, console: Console) -> None:
    """Start all steps, print the addresses, and run until cancelled or until a step fails."""
    began = time.monotonic()
    await supervisor.start()
    demo.write_operator_file()
    console.say(_welcome(demo, time.monotonic() - began, console))
    if watch:
        await reload(supervisor, console)
    await supervisor.watch()


@asynccontextmanager
async def supervised(demo: Demo, console: Console, *, patient: bool = True) -> AsyncGenerator[Supervisor]:
    """Yield a supervisor that stops all its processes however the block ends."""
    folder = demo.folder
    supervisor = Supervisor(steps(demo), folder.logs, folder.path, console, folder.lock)
    supervisor.patient = patient
    try:
        yield supervisor
    finally:
        await supervisor.stop()
        await demo.http.aclose()


def _welcome(demo: Demo, seconds: float, console: Console) -> str:
    rows = [
        ("Anna's phone", f"{demo.phone_url}/#/anna"),
        ("Max's phone", f"{demo.phone_url}/#/max"),
        ("Health", f"{demo.web_url}/ready"),
        ("API", f"{demo.web_url}/docs"),
        ("Logs", f"{_shown(demo.folder.logs)}/"),
        ("Command line", f".venv/bin/tg-assistant --env-file {_shown(demo.folder.path / 'env')} --help"),
        ("Stop", "Ctrl-C"),
    ]
    body = "\n".join(f"  {label:<14}{console.paint(value, '1')}" for label, value in rows)
    return (
        f"\n{console.paint('Telegram Assistant is running', '1;32')} (ready in {seconds:.0f} s)\n\n{body}\n\n"
        "  Begin on Anna's phone: open the message with the invitation and tap its link.\n"
    )


def _shown(path: Path) -> Path:
    """The path relative to the current folder, if it is inside."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
