"""One running product for all stories: PostgreSQL, Chroma, a local Telegram, web, bot and ingest."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.product import Product, running_product


@pytest.fixture(scope="session")
async def product(workdir: Path, model_dir: Path) -> AsyncIterator[Product]:
    async with running_product(workdir / "product", model_dir) as running:
        yield running
        assert await running.violations() == []
