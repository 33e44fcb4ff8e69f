"""A process's log file that never grows beyond two of its size: what is full becomes the one before."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

ROTATE_BYTES = 10_000_000


class LogFile:
    """`write` appends; once `most` bytes stand in the file it is put aside as `NAME.log.1`."""

    def __init__(self, path: Path, most: int) -> None:
        self._path, self._most = path, most
        self._file = path.open("ab", buffering=0)

    def write(self, line: bytes) -> None:
        """One line; a file that has become too long is put aside before it."""
        if self._file.tell() and self._file.tell() + len(line) > self._most:
            self.close()
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(line)

    def close(self) -> None:
        """Nothing is written any more."""
        self._file.close()


@contextmanager
def log_file(path: Path, most: int = ROTATE_BYTES) -> Generator[LogFile]:
    """Open as long as the process writes."""
    opened = LogFile(path, most)
    try:
        yield opened
    finally:
        opened.close()
