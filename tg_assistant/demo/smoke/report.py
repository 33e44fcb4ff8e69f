"""The smoke run's result: one JSON object, filled step by step."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from tg_assistant.demo.console import Console


class NotSo(Exception):
    """Something that must hold after a step does not. `str()` says what."""


def demand(holds: object, otherwise: str) -> None:
    """Raises NotSo unless it holds."""
    if not holds:
        raise NotSo(otherwise)


@dataclass
class Report:
    """`ok` only when every step happened and the sandbox saw no violation."""

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
        """Somebody wants the run to end: the step that runs now is the last one."""
        self.stopped = True

    @asynccontextmanager
    async def step(self, name: str, console: Console) -> AsyncGenerator[None]:
        """Time a step; remember where it failed."""
        began = time.monotonic()
        console.event("smoke", f"{name} …", "1;36")
        try:
            yield
            if self.stopped:  # a cancellation may get lost on its way through libraries
                raise KeyboardInterrupt
        except BaseException:  # an interrupt, too: it is raised again
            self.failed_at = self.failed_at or name
            raise
        finally:
            self.seconds[name] = round(time.monotonic() - began, 2)

    def as_dict(self) -> dict[str, Any]:
        """What the run prints; facts that were not reached are left out."""
        return {
            name: value for name, value in asdict(self).items() if value is not None and name != "stopped"
        }
