"""The sandbox's clock: real time plus an offset that tests can change."""

from __future__ import annotations

import time


class Clock:
    """The world's time in seconds since the epoch; MTProto message ids use real time."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def unix(self) -> int:
        return int(self.now())

    def shift(self, seconds: float) -> None:
        """Shift the clock forward, or back if `seconds` is negative."""
        self.offset += seconds
