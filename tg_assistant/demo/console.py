"""The demo's terminal output: one coloured line per event, with the process's name."""

import json
import re
import sys
import time
from typing import Any, TextIO

COLOURS = {
    "postgres": "34",
    "chroma": "35",
    "sandbox": "33",
    "web": "32",
    "bot": "36",
    "ingest": "95",
    "embedder": "96",
    "frontend": "92",
    "migrate": "34",
}
LEVELS = {"warning": "33", "error": "31", "critical": "1;31", "exception": "31"}
NAME_WIDTH = max(len(name) for name in COLOURS)
_HIDDEN = {"event", "level", "timestamp", "exception", "stack", "logger", "process"}
_TROUBLE = re.compile(r"\b(WARN(ING)?|ERROR|FATAL|PANIC|Traceback|panicked)\b")
_EXPECTED = ("the database system is starting up", "the database system is shutting down")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Console:
    """Writes with colours to a terminal, and without to anything else."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colour = out.isatty()

    def say(self, text: str = "") -> None:
        """Write a line of the supervisor's own."""
        self._out.write(text + "\n")
        self._out.flush()

    def event(self, name: str, text: str, colour: str = "") -> None:
        """Write a line about one process, with the time; `colour` is an ANSI code."""
        clock = self.paint(time.strftime("%H:%M:%S"), "2")
        label = self.paint(f"{name:<{NAME_WIDTH}}", COLOURS.get(name, "37"))
        self.say(f"{clock} {label} {self.paint(text, colour)}")

    def line(self, name: str, line: str, *, quiet: bool = False) -> None:
        """Write a line of a process's output: structlog's JSON, or plain text.

        Debug events are skipped; with `quiet`, so is plain text other than warnings and errors.
        """
        text = _ANSI.sub("", line).rstrip()
        if not text:
            return
        entry = parse(text)
        if entry is not None:
            level = str(entry.get("level", "info")).lower()
            if level != "debug":
                self.event(name, render(entry), LEVELS.get(level, ""))
        elif not quiet or (_TROUBLE.search(text) and not text.endswith(_EXPECTED)):
            self.event(name, text[:400], "2")

    def paint(self, text: str, colour: str) -> str:
        """The text in an ANSI colour, unchanged if the output has no colours."""
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text


def parse(text: str) -> dict[str, Any] | None:
    """A structlog event, or None for plain text."""
    if not text.startswith("{"):
        return None
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "event" in entry else None


def render(entry: dict[str, Any]) -> str:
    """An event as one line; of a traceback only the last line (the log file has all of it)."""
    pairs = [f"{key}={_short(value)}" for key, value in entry.items() if key not in _HIDDEN]
    trouble = str(entry.get("exception") or "").strip().rpartition("\n")[2]
    return "  ".join(part for part in (str(entry["event"]), " ".join(pairs), trouble) if part)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text.replace("\n", "⏎")
    return text if len(text) <= 80 else text[:79] + "…"
