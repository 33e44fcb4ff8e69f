"""`tg-assistant demo --smoke`: the main use case through the real doors, in an empty folder; prints JSON."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, ViewportSize

from tg_assistant.demo.console import Console
from tg_assistant.demo.data_folder import open_data_folder
from tg_assistant.demo.environment import Demo
from tg_assistant.demo.run import supervised
from tg_assistant.demo.smoke import known_items
from tg_assistant.demo.smoke.browser import chromium
from tg_assistant.demo.smoke.report import NotSo, Report, demand
from tg_assistant.demo.smoke.rest import Rest
from tg_assistant.demo.smoke.walk import Anna
from tg_assistant.demo.supervisor import Supervisor

QUESTION = "Сколько мест будет в новом читальном зале библиотеки Ветрова?"
ANSWER = "140"
SEARCHABLE_SECONDS = 600
FAILURE_PICTURE = Path("test-artifacts/smoke-failure.png")
_PHONE: ViewportSize = {"width": 412, "height": 860}


@dataclass(frozen=True)
class Wishes:
    """Options: `load` a file of real posts instead of the demo's channels, at most `limit` of them.

    `kill` names a process to kill with -9 during the backfill.
    """

    load: Path | None = None
    limit: int | None = None
    kill: str | None = None


def run_smoke(wishes: Wishes) -> int:
    """Run and print the report; returns 0 only if every step succeeded. Logs are written to stderr."""
    report = Report(killed=wishes.kill)
    console = Console(sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: _interrupt(report))  # a time-out of make or CI
    try:
        asyncio.run(_run(report, wishes, console))
    except (
        Exception,
        KeyboardInterrupt,
    ) as error:  # top of the command: any error goes into the report
        report.error = f"{type(error).__name__}: {error}"
    report.ok = report.error is None
    sys.stdout.write(json.dumps(report.as_dict(), ensure_ascii=False, indent=2) + "\n")
    return 0 if report.ok else 1


def _interrupt(report: Report) -> None:
    report.stop()
    signal.raise_signal(signal.SIGINT)


async def _run(report: Report, wishes: Wishes, console: Console) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="tga-smoke-", ignore_cleanup_errors=True) as data,
        open_data_folder(Path(data)) as folder,
    ):
        ports, _ = folder.choose_ports(any_free=True)
        demo = Demo(folder, ports, load_posts=wishes.load is not None)
        async with supervised(demo, console, patient=False) as supervisor:
            async with report.step("start", console):
                await supervisor.start()
            async with chromium() as browser, httpx.AsyncClient(trust_env=False) as http:
                if wishes.load:
                    async with report.step("load", console):
                        body = {"path": str(wishes.load.resolve()), "limit": wishes.limit}
                        loaded = await http.post(f"{demo.control_url}/load", json=body, timeout=300)
                        loaded.raise_for_status()
                smoke = Smoke(report, wishes, console)
                await while_all_live(supervisor, _walk(browser, http, demo, supervisor, smoke))
                report.violations = (await http.get(f"{demo.control_url}/violations")).json()
                demand(not report.violations, "the sandbox saw what Telegram would not allow")


async def while_all_live(supervisor: Supervisor, walk: Coroutine[Any, Any, None]) -> None:
    """Run the walk; if a process fails for good meanwhile, raise its StartFailed instead."""
    walking, watching = asyncio.create_task(walk), asyncio.create_task(supervisor.watch())
    try:
        await asyncio.wait([walking, watching], return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()
        await walking
    finally:
        for task in (walking, watching):
            task.cancel()
        await asyncio.gather(walking, watching, return_exceptions=True)


@dataclass(frozen=True)
class Smoke:
    """The context of one run."""

    report: Report
    wishes: Wishes
    console: Console


async def _walk(
    browser: Browser, http: httpx.AsyncClient, demo: Demo, supervisor: Supervisor, smoke: Smoke
) -> None:
    telegram = await browser.new_context(viewport=_PHONE)
    anna = Anna(demo, telegram, await browser.new_context())
    rest = Rest(demo, http)
    try:
        await _connect(anna, smoke)
        await _read(anna, rest, supervisor, smoke)
        await _ask(anna, rest, smoke)
    except BaseException:  # includes interrupts; raised again, after the screenshot
        if telegram.pages:
            FAILURE_PICTURE.parent.mkdir(exist_ok=True)
            await telegram.pages[0].screenshot(path=FAILURE_PICTURE)
        raise


async def _connect(anna: Anna, smoke: Smoke) -> None:
    step, console = smoke.report.step, smoke.console
    async with step("invitation", console):
        await anna.opens_the_invitation()
    async with step("sign_in", console):
        await anna.opens_the_app()
    async with step("connect_link", console):
        link = await anna.starts_connecting()
    async with step("second_screen", console):
        await anna.opens_the_second_screen(link)
    async with step("scan", console):
        await anna.scans()


async def _read(anna: Anna, rest: Rest, supervisor: Supervisor, smoke: Smoke) -> None:
    step, console = smoke.report.step, smoke.console
    async with step("pick_channels", console):
        picked = await anna.picks_channels()
    if name := smoke.wishes.kill:
        pid = supervisor.pid(name)
        if pid is None:
            raise NotSo(f"{name} is not running")
        os.kill(pid, signal.SIGKILL)
    async with step("backfill", console):
        await anna.watches_them_arrive()
    async with step("searchable", console):
        for item in supervisor.running.values():
            async with asyncio.timeout(60):
                await item.up.wait()
        await rest.sign_in()
        smoke.report.counts = await rest.searchable(SEARCHABLE_SECONDS)
    demand(smoke.report.counts["channels"] == picked, "not every picked channel is followed")
    demand(smoke.report.counts["posts"] > 0, "no post arrived")


async def _ask(anna: Anna, rest: Rest, smoke: Smoke) -> None:
    report, step, console = smoke.report, smoke.report.step, smoke.console
    if smoke.wishes.load:
        async with step("known_items", console):
            report.known_items = await known_items.ask_known_items(rest)
        demand(report.known_items["right"] >= known_items.NEEDED, "too few known items were cited")
        return
    report.question = QUESTION
    async with step("ask_app", console):
        report.answers["app"] = await anna.asks_in_the_app(QUESTION)
    async with step("ask_bot", console):
        report.answers["bot"] = await anna.asks_in_the_bot(QUESTION)
    async with step("ask_rest", console):
        result = await rest.ask(QUESTION)
        report.answers["rest"] = {
            "text": result["answer"],
            "sources": [one["url"] for one in result["sources"]],
        }
    for door, answer in report.answers.items():
        demand(ANSWER in answer["text"], f"the answer in {door} lacks {ANSWER}")
        demand(answer["sources"], f"the answer in {door} has no source")
