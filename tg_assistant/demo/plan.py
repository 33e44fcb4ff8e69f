"""The demo's processes: the command and dependencies of each, and its health check."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import httpx

from tg_assistant.demo import chroma, postgres
from tg_assistant.demo.environment import Demo, plain_environment
from tg_assistant.demo.supervisor import Step

_PRODUCT_NEEDS = ("migrate", "sandbox", "chroma", "embedder")


def steps(demo: Demo) -> list[Step]:
    """All steps of the demo; `needs` gives their dependencies."""
    servers = [_postgres(demo), _chroma(demo), _sandbox(demo), _embedder(demo)]
    return [*servers, *_preparations(demo), *_product(demo)]


def _postgres(demo: Demo) -> Step:
    data, port = demo.folder.path / "pg", demo.ports["postgres"]
    return Step(
        "postgres",
        lambda: postgres.command(data, port),
        environment=plain_environment,
        prepare=lambda: postgres.prepare(data),
        ready=_in_thread(lambda: postgres.is_ready(data, port)),
        settle=lambda: demo.take_database(postgres.create_roles(data, port)),
        stop_signal=postgres.STOP_SIGNAL,
        user=postgres.system_user(),
        quiet=True,
    )


def _chroma(demo: Demo) -> Step:
    data, port = demo.folder.path / "chroma", demo.ports["chroma"]
    return Step(
        "chroma",
        lambda: chroma.command(data, port),
        environment=plain_environment,
        prepare=lambda: data.mkdir(exist_ok=True),
        ready=_in_thread(lambda: chroma.is_ready(port)),
        quiet=True,
    )


def _sandbox(demo: Demo) -> Step:
    return Step(
        "sandbox",
        demo.sandbox_command,
        environment=plain_environment,
        ready=_answers(demo.http, f"{demo.control_url}/health"),
    )


def _embedder(demo: Demo) -> Step:
    return Step(
        "embedder",
        lambda: [sys.executable, "-m", "tg_assistant.embedder"],
        environment=demo.embedder_environment,
        # it builds and loads its model meanwhile, and whoever asks before waits for that
        ready=_answers(demo.http, f"{demo.embedder_url}/health", failing=True),
        live=_answers(demo.http, f"{demo.embedder_url}/health", failing=True),
    )


def _preparations(demo: Demo) -> list[Step]:
    """Steps that end; the next start finds their results."""
    cli = [sys.executable, "-m", "tg_assistant.cli"]
    return [
        Step("frontend", lambda: [*cli, "build"], environment=demo.base, once=True),
        Step(
            "migrate",
            lambda: [*cli, "migrate"],
            needs=("postgres",),
            environment=demo.operator_environment,
            once=True,
        ),
        Step(
            "seed",
            lambda: [sys.executable, "-m", "tg_assistant.demo.seed", demo.control_url, demo.bot_username()],
            needs=("migrate", "sandbox"),
            environment=demo.operator_environment,
            once=True,
        ),
    ]


def _product(demo: Demo) -> list[Step]:
    """The three processes of the product that people meet, started as in production."""
    return [
        Step(
            "web",
            lambda: [sys.executable, "-m", "tg_assistant.cli", "serve"],
            needs=(*_PRODUCT_NEEDS, "frontend"),
            environment=demo.web_environment,
            ready=_answers(demo.http, f"{demo.web_url}/ready"),
            live=_answers(demo.http, f"{demo.web_url}/health"),
        ),
        Step(
            "bot",
            lambda: [sys.executable, "-m", "bot"],
            needs=_PRODUCT_NEEDS,
            environment=lambda: demo.bot_environment() | demo.health("bot"),
            ready=_answers(demo.http, demo.health_url("bot")),
            live=_answers(demo.http, demo.live_url("bot")),
        ),
        Step(
            "ingest",
            lambda: [sys.executable, "-m", "ingest"],
            needs=_PRODUCT_NEEDS,
            environment=demo.ingest_environment,
            ready=_answers(demo.http, demo.health_url("ingest")),
            live=_answers(demo.http, demo.live_url("ingest")),
        ),
    ]


def _answers(http: httpx.AsyncClient, url: str, *, failing: bool = False) -> Callable[[], Awaitable[bool]]:
    """A check whether `url` answers well, or with `failing` whether it answers at all."""

    async def answers() -> bool:
        try:
            return (await http.get(url)).is_success or failing
        except httpx.HTTPError:
            return False

    return answers


def _in_thread(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def checked() -> bool:
        return await asyncio.to_thread(check)

    return checked
