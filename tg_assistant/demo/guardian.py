"""Ends the demo's processes when the supervisor dies, kill -9 included: its pipe closes, whatever happens.

Runs as a plain script (standard library only) so that it costs nothing. Each line of its input is
`+PID SIGNAL` (a process group to end, and how to ask it) or `-PID` (gone already).
"""

import os
import signal
import sys
import time

PATIENCE = 3.0  # seconds between asking and killing


def watch() -> None:
    """Follow the supervisor's list until the pipe closes, then end what is still on it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: dict[int, int] = {}
    for line in sys.stdin:
        if line.startswith("+"):
            pid, number = line[1:].split()
            groups[int(pid)] = int(number)
        else:
            groups.pop(int(line[1:]), None)
    end(groups)


def end(groups: dict[int, int]) -> None:
    """Ask each group with its own signal; kill what is left after PATIENCE."""
    for pid, number in groups.items():
        send(pid, number)
    deadline = time.monotonic() + PATIENCE
    while any(send(pid, 0) for pid in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in groups:
        send(pid, signal.SIGKILL)


def send(pid: int, number: int) -> bool:
    """Signal a process group; whether it still exists."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    watch()
