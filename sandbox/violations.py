"""Actions of clients that the real Telegram would punish, and requests that the sandbox cannot answer."""

from __future__ import annotations

import time
from typing import Any

import structlog

log = structlog.get_logger()


class Violations(list[dict[str, Any]]):
    """The violations since the sandbox's start; a test fails if there are any at its end."""

    def record(self, kind: str, **facts: Any) -> None:
        """Record and log a violation.

        kind: unimplemented | overlap | early_call | call_after_end | sandbox_bug
        """
        self.append({"kind": kind, "at": time.time(), **facts})
        log.warning("sandbox.violation", kind=kind, **facts)
