"""Why the world refuses an action; each front translates it into its own protocol."""

from __future__ import annotations


class WorldError(Exception):
    """code is Telegram's own error name where there is one; status is HTTP-like."""

    def __init__(self, code: str, sentence: str = "", status: int = 400) -> None:
        super().__init__(sentence or code)
        self.code, self.status = code, status
