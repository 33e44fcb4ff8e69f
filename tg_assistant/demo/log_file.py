"""A process's log file of limited size: a full file replaces the previous one, so there are at most two."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ROTATE_BYTES = 10_000_000


class LogFile:
    """A log file of at most `most` bytes; when full it is renamed to `NAME.log.1` and a new one begins."""

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._file = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Append a line, after rotating the file if the line would exceed the limit."""
        if self._file.tell() and self._file.tell() + len(line) > self._most:
            self.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def log_file(path: Path, most: int = ROTATE_BYTES) -> Generator[LogFile]:
    """Open a log file for the duration of the block."""
    opened = LogFile(path, most)
    try:
        yield opened
    finally:
        opened.close()
