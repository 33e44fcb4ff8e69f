"""The demo's log files: two of a size at most, whatever a process writes, nothing lost between them."""

from pathlib import Path

from tg_assistant.demo.log_file import log_file


def test_a_process_that_writes_without_end(tmp_path: Path) -> None:
    """Ten times the size: the last lines are there, in order, and no more than twice the size."""
    path = tmp_path / "web.log"
    for start in (0, 500):  # started again in the middle
        with log_file(path, 10_000) as log:
            for number in range(start, start + 500):
                log.write(f"line {number:04} {'x' * 90}\n".encode())
    before, now = (tmp_path / "web.log.1").read_bytes(), path.read_bytes()
    assert len(before) <= 10_000 and len(now) <= 10_000
    numbers = [int(line.split()[1]) for line in (before + now).decode().splitlines()]
    assert numbers == list(range(numbers[0], 1_000)) and len(numbers) > 90
    assert sorted(each.name for each in tmp_path.iterdir()) == ["web.log", "web.log.1"]


def test_a_line_longer_than_a_file(tmp_path: Path) -> None:
    """It is written, and goes with the next."""
    with log_file(tmp_path / "web.log", 100) as log:
        log.write(b"x" * 500 + b"\n")
        log.write(b"short\n")
    assert (tmp_path / "web.log").read_bytes() == b"short\n"
