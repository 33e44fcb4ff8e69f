"""Every way out of an answer × every kind of loss: what was lost is not shown again, by none of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, nullcontext
from dataclasses import replace
from itertools import count

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from sandbox.control import Sandbox
from tests.attacks import losses
from tests.attacks.losses import LOSSES, OUTLIVED, Loss, lowered, made_private
from tests.attacks.ways import AFTERWARDS, UNDER_WAY, Outside, Paced, Way, being_exported, until
from tests.bot.chat import Chat
from tests.bot.conftest import plain_logs, running, telegram
from tg_assistant import process
from tg_assistant.api.app import create_api
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.settings import Settings

__all__ = ["plain_logs", "telegram"]
_numbers = count(1)
CELLS = [(way, loss) for way in (*UNDER_WAY, *AFTERWARDS) for loss in LOSSES]


@pytest.fixture(scope="module")
def settings(settings: Settings, telegram: Sandbox) -> Settings:
    at = {
        "bot_token": SecretStr(telegram.install["bot_token"]),
        "bot_api_base": telegram.bot_api_url,
    }
    own = settings.telegram.model_copy(update=at)
    return settings.model_copy(update={"telegram": own, "health_port": None})


@pytest.fixture(scope="module")
async def rt(settings: Settings) -> AsyncIterator[Runtime]:
    """All doors are in this process, above one runtime with a model that waits to be let on."""
    async with open_runtime(settings) as opened:
        yield replace(opened, llm=Paced())


@pytest.fixture(scope="module")
async def http(rt: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """The API behind a real server: streams are read as they are written."""
    server = uvicorn.Server(uvicorn.Config(create_api(lambda: rt), port=0, log_config=None))
    server.capture_signals = nullcontext  # type: ignore[method-assign, assignment]
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120) as client:
        yield client
    server.should_exit = True
    await serving


@pytest.fixture(scope="module")
async def bot(rt: Runtime) -> AsyncIterator[None]:
    async with running(rt):
        yield


@pytest.fixture
async def outside(
    http: httpx.AsyncClient, rt: Runtime, bot: None, telegram: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Outside:
    """This process is the web process, too, and its sockets are open; each cell has a person of its own."""
    monkeypatch.setattr(process, "_runtime", rt)
    monkeypatch.setattr("tg_assistant.state._is_open", lambda sid: True)
    person = telegram.world.people.add({"key": f"reader{next(_numbers)}", "first_name": "Reader"})
    out = Outside(http, telegram, rt.llm, Chat(telegram, person.key))  # type: ignore[arg-type]
    telegram.world.hub.listen(lambda name, facts: name == "draft" and out.drafts.append(facts["text"]))
    return out


@pytest.mark.parametrize(
    ("way", "loss"), CELLS, ids=[f"{way.__name__}-{loss.__name__}" for way, loss in CELLS]
)
async def test_what_was_lost_is_not_shown(rt: Runtime, outside: Outside, way: Way, loss: Loss) -> None:
    """The mark was there before; nothing that is sent afterwards has it, and what was under way ends."""
    one = await losses.reader(rt, outside.chat.person.id, public=loss is made_private)
    outside.llm.gate(one.mark)
    async with asyncio.timeout(150), aclosing(way(one, outside)) as steps:
        assert one.mark in await anext(steps), "the attack is not sound"
        if way is being_exported:
            await anext(steps)
        await loss(one)
        if loss is lowered and way in AFTERWARDS:  # nobody has taken the channel from them
            outside.llm.gate(one.mark).set()
            assert one.mark in await anext(steps)
        else:
            assert one.mark not in await anext(steps)


@pytest.mark.parametrize("loss", OUTLIVED, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("way", AFTERWARDS, ids=lambda way: way.__name__)
async def test_what_was_lost_stays_lost(rt: Runtime, outside: Outside, way: Way, loss: Loss) -> None:
    """Neither the end of the channel nor that of the account gives back what was taken before it."""
    one = await losses.reader(rt, outside.chat.person.id, public=True)
    outside.llm.gate(one.mark)
    async with asyncio.timeout(150), aclosing(way(one, outside)) as steps:
        assert one.mark in await anext(steps), "the attack is not sound"
        await loss(one)
        assert one.mark not in await anext(steps)


def test_every_way_is_walked_with_every_loss() -> None:
    """So many cells; a way or a loss that is taken out is missed."""
    assert (len(UNDER_WAY), len(AFTERWARDS), len(LOSSES)) == (7, 10, 9)
    assert (len(CELLS), len(OUTLIVED)) == (153, 5)
