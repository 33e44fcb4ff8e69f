"""The smoke run as its users run it: one command, one JSON object."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tg_assistant.demo.console import Console
from tg_assistant.demo.smoke import known_items
from tg_assistant.demo.smoke.report import NotSo, Report, demand

ROOT = Path(__file__).parents[2]


def smoke(*options: str, seconds: float = 290, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, report and log of one run."""
    done = subprocess.run(
        [sys.executable, "-m", "tg_assistant.cli", "demo", "--smoke", *options],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    return done.returncode, json.loads(done.stdout), done.stderr


def test_smoke_walks_the_main_job_over_a_killed_ingest():
    """From the invitation to a cited answer in three doors; kill -9 amid the backfill loses nothing."""
    code, report, log = smoke("--kill", "ingest")
    assert code == 0 and report["ok"], report.get("error") or log[-2000:]
    assert report["killed"] == "ingest" and "SIGKILL" in log
    assert set(report["answers"]) == {"app", "bot", "rest"} and report["violations"] == []
    assert report["counts"]["indexed"] == report["counts"]["posts"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("process", ["web", "bot", "chroma", "sandbox", "postgres", "embedder"])
def test_smoke_over_any_killed_process(process: str):
    """The same with each other process; the short form is the test above."""
    code, report, log = smoke("--kill", process)
    assert code == 0 and report["ok"], report.get("error") or log[-2000:]


def test_an_unexpected_failure_is_still_one_json_object():
    """Whatever breaks, here a folder that cannot be made, stdout is the report and the exit code is 1."""
    code, report, _ = smoke(TMPDIR="/proc/nowhere")
    assert code == 1 and not report["ok"] and report["error"]


def test_a_stopped_run_reports_too():
    """A time-out's SIGTERM during the start: everything is stopped, and the report says where it was."""
    command = [sys.executable, "-m", "tg_assistant.cli", "demo", "--smoke"]
    running = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stderr and running.stdout
    while "start" not in running.stderr.readline():
        pass
    running.terminate()
    out, _ = running.communicate(timeout=60)
    report = json.loads(out)
    assert running.returncode == 1 and report["failed_at"] == "start"
    assert report["error"].startswith("KeyboardInterrupt")


async def test_a_failed_step_is_named(capsys: pytest.CaptureFixture[str]):
    """Whoever reads the report sees where it stopped and how long each step took."""
    report = Report()
    with pytest.raises(NotSo, match="no post arrived"):
        async with report.step("backfill", Console()):
            await asyncio.sleep(0.01)
            demand([], "no post arrived")
    assert report.failed_at == "backfill" and report.seconds["backfill"] > 0
    assert "failed_at" in report.as_dict() and "known_items" not in report.as_dict()


async def test_known_items_come_from_all_channels():
    """First lines long enough to mean something, of posts with more to say, channel by channel."""
    asked: list[str] = []

    class Posts:
        async def phone(self, method: str, path: str):
            if path == "/channels":
                return [{"id": 1}, {"id": 2}]
            channel = int(path.split("/")[2])
            good = f"**Заголовок поста номер один канала {channel}**\n" + "слово " * 40
            texts = [good, "коротко\n" + "слово " * 40, "Длинная первая строка без продолжения вообще"]
            return {"posts": [{"text": text, "link": f"t.me/{channel}/{i}"} for i, text in enumerate(texts)]}

        async def ask(self, question: str):
            asked.append(question)
            return {"sources": [{"url": "t.me/1/0"}], "abstained": False}

    result = await known_items.ask_known_items(Posts())
    assert [question[-1] for question in asked] == ["1", "2"]
    assert (result["asked"], result["right"]) == (2, 1) and result["wrong"][0]["expected"] == "t.me/2/0"
