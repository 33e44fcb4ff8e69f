"""The real bot on a local Telegram and a real database, one of each a module."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest
import structlog
from pydantic import SecretStr

from bot.run import work
from sandbox.control import Sandbox, run_sandbox
from tests.bot.chat import Chat
from tests.servers import as_door
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.settings.groups import Settings, WebSettings


@pytest.fixture(scope="module", autouse=True)
def plain_logs() -> Iterator[None]:
    """structlog's unconfigured renderer prints every local variable of a traceback: seconds an error."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    )
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
async def telegram(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """What the bot asked for and the local Telegram lacks fails the module."""
    async with run_sandbox(tmp_path_factory.mktemp("telegram"), seed=False) as running:
        yield running
        assert list(running.violations) == []


@pytest.fixture(scope="module")
def settings(settings: Settings, telegram: Sandbox) -> Settings:
    at = {
        "bot_token": SecretStr(telegram.install["bot_token"]),
        "bot_api_base": telegram.bot_api_url,
    }
    web = WebSettings(public_url="https://ask.example.org")
    return settings.model_copy(
        update={"telegram": settings.telegram.model_copy(update=at), "web": web, "health_port": None}
    )


@pytest.fixture(scope="module")
async def rt(settings: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(settings) as runtime:
        yield runtime


@asynccontextmanager
async def running(rt: Runtime) -> AsyncIterator[asyncio.Task[None]]:
    """The bot, as its process runs it, with its rights; cancelled in the middle of whatever it does."""
    async with as_door(rt) as door:
        task = asyncio.create_task(work(door))
        try:
            yield task
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture(scope="module")
async def bot(rt: Runtime) -> AsyncIterator[asyncio.Task[None]]:
    async with running(rt) as task:
        yield task


@pytest.fixture
def chat(telegram: Sandbox) -> Callable[[str], Chat]:
    """chat("anna") is Anna's chat with the bot; Anna's Telegram is Russian, Max's English."""
    return lambda person: Chat(telegram, person)
