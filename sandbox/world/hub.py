"""Notifies the interfaces (MTProto updates, phone events, bot updates) of changes of the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]


class Hub:
    """Synchronous fan-out; listeners must not block."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned function removes it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, name: str, **facts: Any) -> None:
        for listener in tuple(self._listeners):
            listener(name, facts)
