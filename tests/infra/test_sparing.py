"""A line that comes without end is written so many times a minute, a traceback once; the rest is counted."""

import json
import logging
from typing import Any

import pytest
import structlog

from tests.infra.logging.test_logs import configured
from tg_assistant.infra.logging import logs
from tg_assistant.infra.sparing import ALIKE, Sparing

__all__ = ["configured"]
CANARY = "canary-of-a-caller"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def fail(number: int) -> None:
    raise RuntimeError(f"the page is wrong: {CANARY} {number}")


def test_one_line_thousands_of_times(capsys: pytest.CaptureFixture[str]) -> None:
    """Ours and a library's, whose words differ each time; another line is written as ever."""
    logs.configure("INFO", process="test")
    for number in range(ALIKE * 3):
        structlog.get_logger("t").info("request.refused", code="http.404", route="/api")
        logging.getLogger("library").warning("what is %d", number)
    structlog.get_logger("t").info("request.refused", code="http.413", route="/api")
    said = lines(capsys)
    assert [line.get("code") for line in said].count("http.404") == ALIKE
    assert [line["logger"] for line in said].count("library") == ALIKE
    assert said[-1]["code"] == "http.413"


def test_one_traceback_hundreds_of_times(capsys: pytest.CaptureFixture[str]) -> None:
    """Whole once, then in a line that still holds its reference; from a library, too."""
    logs.configure("INFO", process="test")
    for number in range(200):
        try:
            fail(number)
        except RuntimeError:
            structlog.get_logger("t").error("page.failed", reference=str(number), exc_info=True)
            logging.getLogger("library").exception("failed %d", number)
    said = lines(capsys)
    ours = [line for line in said if line["event"] == "page.failed"]
    assert len(said) == 400 and [line["reference"] for line in ours] == [str(number) for number in range(200)]
    assert sum("Traceback" in str(line) for line in said) == 2 and len(str(said)) < 400 * 300
    assert "RuntimeError: the page is wrong" in ours[-1]["exception"] and "as_before" in said[-1]


def test_what_was_left_out_is_told_the_next_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """As a number on the next line of its kind, once."""
    now = [0.0]
    sparing = Sparing(alike=3, clock=lambda: now[0])

    def admitted() -> dict[str, Any] | None:
        said: dict[str, Any] = {"event": "x.refused"}
        return said if sparing.filter(logging.makeLogRecord({"msg": said})) else None

    assert [admitted() is not None for _ in range(10)] == [True] * 3 + [False] * 7
    now[0] = 61.0
    assert (admitted() or {})["left_out"] == 7 and "left_out" not in (admitted() or {})


def test_kinds_without_end_are_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever could make up codes would write without end, or fill the memory."""
    logs.configure("INFO", process="test")
    for number in range(20_000):
        structlog.get_logger("t").info("request.refused", code=str(number))
    assert ALIKE <= len(lines(capsys)) <= 500 + ALIKE
