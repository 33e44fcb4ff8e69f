"""Real servers for the whole suite: one PostgreSQL and one Chroma a run, a fresh database a module."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from prometheus_client import generate_latest

from tests.attacks import planted
from tests.databases import own_database
from tests.servers import migrated_template, settings_for
from tg_assistant.demo.chroma import running_chroma
from tg_assistant.demo.postgres import Postgres, running_postgres
from tg_assistant.infra import metrics, vectors
from tg_assistant.infra.postgres.db import Database
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.settings.groups import Settings

os.environ.pop("SESSION_CRYPTO_KEY", None)
# everybody in the tests comes from 127.0.0.1, and often; tests/attacks/test_limits.py sets its own
for _rate in (
    "SIGN_IN",
    "QR_INIT",
    "QR_STATUS",
    "REFRESH",
    "INVITES",
    "ADMIN",
    "GRAPHQL",
    "SEARCH",
    "EXPORT",
):
    os.environ[f"RATE_LIMIT_{_rate}"] = "100000:60"
# on a busy machine an example may take any time, and a search by meaning more than its 4 s
hypothesis_settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("suite")
vectors._SEARCH = httpx.Timeout(60, connect=2)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="run the tests marked slow, too")
    parser.addoption(
        "--attacks", action="store_true", help="attack tests at their full length (make attacks)"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--runslow"):
        skip = pytest.mark.skip(reason="longer than a minute; its short form ran, run it with --runslow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def at_length(request: pytest.FixtureRequest) -> bool:
    """Whether attacks run at full length (`make attacks`) instead of the suite's short form."""
    return bool(request.config.getoption("--attacks"))


@pytest.fixture(scope="session")
def workdir() -> Iterator[Path]:
    """A short path: PostgreSQL's socket has to fit in 108 bytes.

    At the very end nothing that any process of the suite logged or counted may hold a secret it was given.
    """
    with tempfile.TemporaryDirectory(prefix="tga-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        yield folder
        known = planted.of_the_suite(folder)
        assert planted.in_logs(folder, known) == {}
        assert planted.found(known, generate_latest(metrics.REGISTRY)) == set()


@pytest.fixture(scope="session")
def postgres(workdir: Path) -> Iterator[Postgres]:
    with running_postgres(workdir / "pg") as server:
        migrated_template(server)
        for url in (server.app_url, server.worker_url, server.owner_url):
            role = urlsplit(url)
            planted.NOTED[f"password of {role.username}"] = role.password or ""
        yield server


@pytest.fixture(scope="session")
def chroma_url(workdir: Path) -> Iterator[str]:
    with running_chroma(workdir / "chroma") as url:
        yield url


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[Postgres]:
    """A migrated, empty database of the module's own, with the URLs of the three roles."""
    with own_database(postgres) as own:
        yield own


@pytest.fixture(scope="module")
def settings(database: Postgres, chroma_url: str, model_dir: Path) -> Settings:
    return settings_for(database, chroma_url, model_dir)


@pytest.fixture(scope="session")
def model_dir() -> Path:
    """Where the embedding model is built once; shared with the demo so that CI builds it once."""
    folder = Path(os.environ.get("EMBEDDING_CACHE_DIR", ".data/models")).resolve()
    folder.mkdir(parents=True, exist_ok=True)  # a product under test is linked to it, the first one builds it
    return folder


@pytest.fixture(scope="module")
async def rt(settings: Settings) -> AsyncIterator[Runtime]:
    """The product's runtime over the module's database, real Chroma and the real embedder."""
    async with open_runtime(settings) as runtime:
        yield runtime


@pytest.fixture(scope="module")
async def everything(database: Postgres) -> AsyncIterator[Database]:
    """The database without the wall between tenants, to look whether anything is left: the worker's role."""
    seen = Database(database.worker_url, pool_size=1)
    yield seen
    await seen.close()


@dataclass(frozen=True)
class EvalData:
    """The folder of the data sets; `folder / "name"` skips the test where that file is missing."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        if not (self.folder / name).is_file():
            pytest.skip(f"no {name} in {self.folder}; set EVAL_DATA_DIR to the folder that has it")
        return self.folder / name


@pytest.fixture(scope="session")
def eval_data() -> EvalData:
    return EvalData(Path(os.environ.get("EVAL_DATA_DIR", "../shared/data")))
