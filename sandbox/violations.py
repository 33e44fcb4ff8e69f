"""What a client did that the real Telegram would punish, or asked that the sandbox cannot answer."""

from __future__ import annotations

import time
from typing import Any

import structlog

log = structlog.get_logger()


class Violations(list[dict[str, Any]]):
    """Grows for the sandbox's lifetime; a test that leaves one behind fails."""

    def record(self, kind: str, **facts: Any) -> None:
        """kind: unimplemented | overlap | early_call | sandbox_bug."""
        self.append({"kind": kind, "at": time.time(), **facts})
        log.warning("sandbox.violation", kind=kind, **facts)
