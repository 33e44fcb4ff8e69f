"""What time it is, so that tests can say so."""

from datetime import UTC, datetime


class Clock:
    def now(self) -> datetime:
        """The present, timezone-aware, in UTC."""
        return datetime.now(UTC)
