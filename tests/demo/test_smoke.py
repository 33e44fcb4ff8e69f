"""The smoke run as its users run it: one command, one JSON object."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tg_assistant.demo.console import Console
from tg_assistant.demo.smoke import known_items
from tg_assistant.demo.smoke.report import NotSo, Report, demand

ROOT = Path(__file__).parents[2]


def test_smoke_walks_the_main_job():
    """From the invitation to a cited answer in three doors, over an empty folder on free ports."""
    done = subprocess.run(
        [sys.executable, "-m", "tg_assistant.cli", "demo", "--smoke"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=290,
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["ok"], report.get("error") or done.stderr[-2000:]
    assert set(report["answers"]) == {"app", "bot", "rest"} and report["violations"] == []
    assert report["counts"]["indexed"] == report["counts"]["posts"] > 100


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

    result = await known_items.ask_known_items(Posts())  # type: ignore[arg-type]
    assert [question[-1] for question in asked] == ["1", "2"]
    assert (result["asked"], result["right"]) == (2, 1) and result["wrong"][0]["expected"] == "t.me/2/0"
