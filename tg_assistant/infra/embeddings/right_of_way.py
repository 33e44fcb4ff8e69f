"""Texts that somebody waits for are embedded first: background work gives way before each of its texts."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

PATIENCE = 0.5  # seconds a background text gives way at most, so that endless questions stop no indexing


class RightOfWay:
    """A count of the texts that somebody waits for, which threads with background work look at."""

    def __init__(self) -> None:
        self._waited_for = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self) -> Generator[None]:
        """Make background work give way while the block runs. Called on the event loop."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def give_way(self) -> None:
        """Block a background thread until nobody waits, or for PATIENCE."""
        with self._changed:
            self._changed.wait_for(lambda: self._waited_for == 0, PATIENCE)

    def _count(self, change: int) -> None:
        with self._changed:
            self._waited_for += change
            if self._waited_for == 0:
                self._changed.notify_all()
