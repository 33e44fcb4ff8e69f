"""A product of its own: what breaks here must not disturb the other stories."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.product import Product, running_product


@pytest.fixture(scope="module")
async def product(workdir: Path, model_dir: Path) -> AsyncIterator[Product]:
    async with running_product(workdir / "faults", model_dir) as running:
        yield running
        assert await running.violations() == []
