"""Real servers for the whole suite: one PostgreSQL and one Chroma a run, a fresh database a module."""

import functools
import gc
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from httpx._transports import default as transports
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from prometheus_client import generate_latest

from tests import scheduling, workers
from tests.databases import own_database
from tests.scheduling import (
    pytest_report_to_serializable,
    pytest_runtest_protocol,
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)
from tests.servers import settings_for
from tests.workers import (
    pytest_configure_node,
    pytest_sessionfinish,
    pytest_sessionstart,
    pytest_testnodedown,
)
from tg_assistant.demo.chroma import running_chroma
from tg_assistant.demo.postgres import Postgres
from tg_assistant.infra import metrics, vectors
from tg_assistant.infra.postgres.db import Database
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.settings.groups import Settings

__all__ = [  # hooks of pytest and pytest-xdist
    "pytest_configure_node",
    "pytest_report_to_serializable",
    "pytest_runtest_protocol",
    "pytest_sessionfinish",
    "pytest_sessionstart",
    "pytest_testnodedown",
    "pytest_xdist_auto_num_workers",
    "pytest_xdist_make_scheduler",
]
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
    "FEEDS",
):
    os.environ[f"RATE_LIMIT_{_rate}"] = "100000:60"
# on a busy machine an example may take any time, and a search by meaning more than its 4 s
hypothesis_settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("suite")
vectors._SEARCH = httpx.Timeout(60, connect=2)
# each client of httpx reads all certificates anew, 25 ms of the processor; here they read them once
transports.create_ssl_context = functools.cache(httpx.create_ssl_context)  # type: ignore[attr-defined]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runslow", action="store_true", help="run the tests marked slow, too")
    parser.addoption(
        "--attacks", action="store_true", help="attack tests at their full length (make attacks)"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays: no collection of garbage has to look through it, now or between the tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--runslow"):
        skip = pytest.mark.skip(reason="longer than a minute; its short form ran, run it with --runslow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    scheduling.sort(config, items)


@pytest.fixture(scope="session")
def at_length(request: pytest.FixtureRequest) -> bool:
    """Whether attacks run at full length (`make attacks`) instead of the suite's short form."""
    return bool(request.config.getoption("--attacks"))


@pytest.fixture(scope="session")
def workdir(request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where processes of the suite write.

    At the very end nothing that any of them logged or counted may hold a secret it was given: of several
    workers the controller looks.
    """
    if servers := workers.given(request.config):
        yield Path(servers["folder"])
        return
    with workers.a_folder() as folder:
        yield folder
        workers.assert_nothing_planted(folder, generate_latest(metrics.REGISTRY))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, workdir: Path) -> Iterator[Postgres]:
    if servers := workers.given(request.config):
        yield Postgres(**servers["postgres"])
        return
    with workers.a_postgres(workdir) as server:
        workers.note_passwords(server)
        yield server


@pytest.fixture(scope="session")
def chroma_url(request: pytest.FixtureRequest, workdir: Path) -> Iterator[str]:
    if servers := workers.given(request.config):
        yield servers["chroma_url"]
        return
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
