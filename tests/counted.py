"""What a metric did while something happened; tests/api/test_metrics.py wants one such test for each."""

from collections.abc import Iterator
from contextlib import contextmanager

from tg_assistant.infra import metrics


def value(metric: str, /, **labels: str) -> float:
    """A sample as it is exported; 0 while it has never been counted."""
    return metrics.REGISTRY.get_sample_value(metric, labels) or 0.0


@contextmanager
def moved(metric: str, by: float | None = None, /, **labels: str) -> Iterator[None]:
    """The sample is higher at the end: by exactly this much, if it is given."""
    before = value(metric, **labels)
    yield
    rise = value(metric, **labels) - before
    assert rise > 0 if by is None else rise == by, (metric, labels, rise)
