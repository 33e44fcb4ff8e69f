"""How many missing posts are believed at once, and how many only at a second look."""

import pytest

from ingest import missing
from ingest.missing import Missing


@pytest.mark.parametrize(
    ("gone", "compared", "nothing_shown", "believed"),
    [
        (1, 1, False, True),
        (2, 10, False, True),
        (5, 100, False, True),
        (6, 100, False, False),
        (3, 10, False, False),
        (20, 1_000, False, True),
        (21, 1_000, False, False),
        (1, 1, True, False),
    ],
)
async def test_few_are_believed_and_many_are_not(gone, compared, nothing_shown, believed):
    """More than twenty, more than a twentieth, or all that there was: those stay for now."""
    held = Missing()
    ids = list(range(1, gone + 1))
    assert held.judge(ids, compared=compared, nothing_shown=nothing_shown) == (ids if believed else [])
    assert list(held.since) == ([] if believed else ids)


async def test_the_second_look_comes_when_it_is_due(monkeypatch):
    """Not before; who is there again is no part of it; whoever goes missing meanwhile waits, too."""
    held = Missing()
    held.judge(range(1, 31), compared=100)
    assert held.due() == [] and held.next_due() > 0
    held.seen([1, 2])
    assert held.judge([40], compared=100) == []
    monkeypatch.setattr(missing, "CONFIRM_SECONDS", 0.0)
    assert held.due() == [*range(3, 31), 40]
