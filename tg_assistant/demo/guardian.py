"""Ends the demo's processes when the supervisor dies, even by kill -9, which closes its pipe in any case.

Runs as a plain script (standard library only), to cost little time and memory. Each line of its input is
`+PID SIGNAL` (a process group to end, and the signal that stops it) or `-PID` (already ended).
"""

import os
import signal
import sys
import time

PATIENCE = 3.0  # seconds between the stop signal and SIGKILL


def watch() -> None:
    """Follow the supervisor's list until the pipe closes, then end the groups that are still on it."""
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
    """Stop each group with its own signal; kill those that are left after PATIENCE."""
    for pid, number in groups.items():
        send(pid, number)
    deadline = time.monotonic() + PATIENCE
    while any(send(pid, 0) for pid in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in groups:
        send(pid, signal.SIGKILL)


def send(pid: int, number: int) -> bool:
    """Signal a process group; returns whether it still exists."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    watch()
