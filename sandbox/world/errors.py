"""The error with which the world refuses an action; each interface converts it to its own protocol."""

from __future__ import annotations


class WorldError(Exception):
    """A refused action; `code` is Telegram's error name if there is one, `status` an HTTP status."""

    def __init__(self, code: str, sentence: str = "", status: int = 400) -> None:
        super().__init__(sentence or code)
        self.code, self.status = code, status
