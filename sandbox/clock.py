"""The sandbox's clock: real time plus a shift that tests move."""

from __future__ import annotations

import time


class Clock:
    """Seconds since the epoch as the world sees them; MTProto message ids keep to real time."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return time.time() + self.offset

    def unix(self) -> int:
        return int(self.now())

    def shift(self, seconds: float) -> None:
        """Move the clock; negative goes back."""
        self.offset += seconds
