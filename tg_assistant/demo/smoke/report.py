"""The smoke run's result: one JSON object, filled step by step."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from tg_assistant.demo.console import Console


class NotSo(Exception):
    """A condition that must hold after a step does not. `str()` describes it."""


def demand(holds: object, otherwise: str) -> None:
    """Raise NotSo with the text `otherwise` unless the condition holds."""
    if not holds:
        raise NotSo(otherwise)


@dataclass
class Report:
    """The result; `ok` only if every step succeeded and the sandbox recorded no violation."""

    ok: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    question: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    known_items: dict[str, Any] | None = None
    killed: str | None = None
    violations: list[Any] = field(default_factory=list)
    failed_at: str | None = None
    error: str | None = None
    stopped: bool = False

    def stop(self) -> None:
        """Request the end of the run: the current step is the last one."""
        self.stopped = True

    @asynccontextmanager
    async def step(self, name: str, console: Console) -> AsyncGenerator[None]:
        """Time a step; record the name of the first that fails."""
        began = time.monotonic()
        console.event("smoke", f"{name} …", "1;36")
        try:
            yield
            if self.stopped:  # libraries may swallow a cancellation
                raise KeyboardInterrupt
        except BaseException:  # includes interrupts; raised again
            self.failed_at = self.failed_at or name
            raise
        finally:
            self.seconds[name] = round(time.monotonic() - began, 2)

    def as_dict(self) -> dict[str, Any]:
        """The report as the run prints it, without values that are None."""
        return {
            name: value for name, value in asdict(self).items() if value is not None and name != "stopped"
        }
