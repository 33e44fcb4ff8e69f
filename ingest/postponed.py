"""How a task handler says: not now, call me again."""


class Postponed(Exception):
    """Raised by a handler: run the task again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"postponed for {seconds} s")
        self.seconds = seconds
