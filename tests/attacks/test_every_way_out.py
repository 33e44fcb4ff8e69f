"""Every way out of an answer × every kind of loss: what was lost is not shown again, by none of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, nullcontext
from dataclasses import replace
from itertools import count
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from sandbox.control import Sandbox
from tests.attacks import losses
from tests.attacks.losses import LOSSES, OUTLIVED, Loss, lowered, made_private
from tests.attacks.test_every_handler import client, find, held_by
from tests.attacks.ways import AFTERWARDS, UNDER_WAY, Outside, Paced, Way, being_exported, until
from tests.bot.chat import Chat
from tests.bot.conftest import plain_logs, running, telegram
from tg_assistant.api.app import create_api
from tg_assistant.api.routes import rag
from tg_assistant.api.streaming import answer_streams
from tg_assistant.core.access import revocation
from tg_assistant.core.answers import answers
from tg_assistant.infra.runtime import Runtime, open_runtime
from tg_assistant.models import Question
from tg_assistant.pages.ask import AskState
from tg_assistant.settings.groups import Settings
from tg_assistant.state import SessionState
from tg_assistant.web import process

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
    server.capture_signals = nullcontext
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
    for module in ("state", "page_context"):
        monkeypatch.setattr(f"tg_assistant.{module}.is_open", lambda sid: True)
    person = telegram.world.people.add({"key": f"reader{next(_numbers)}", "first_name": "Reader"})
    out = Outside(http, telegram, rt.llm, Chat(telegram, person.key))
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


@pytest.mark.parametrize("again", [False, True])
async def test_a_slow_reader_is_sent_nothing_that_was_let_through_before(
    rt: Runtime, outside: Outside, again: bool
) -> None:
    """The connection takes no more after the sources; meanwhile the answer is there, and the channel lost."""
    one = await losses.reader(rt, outside.chat.person.id)
    outside.llm.gate(one.mark).set()
    question_id = await answer_streams.begin(rt, one.actor, losses.QUESTION, {})
    numbered = answer_streams.follow(rt, one.actor, question_id)
    if again:
        await until(lambda: answer_streams._live[question_id].over)
        numbered = answer_streams.read_on(rt, one.actor, f"{question_id}:0")
    sent, full, drained = list[bytes](), asyncio.Event(), asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if one.mark.encode() in sent[-1]:
            full.set()
            await drained.wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    events = rag._events(numbered, str(question_id), 0.0)
    response = rag._stream(events, one.actor, lambda: revocation.check(rt, one.actor))
    async with asyncio.timeout(60):
        sending = asyncio.create_task(response({"type": "http", "method": "GET"}, receive, send))
        await full.wait()
        await until(lambda: answer_streams._live[question_id].over)
        before = len(sent)
        await losses.kicked(one)
        drained.set()
        await sending
    after = b"".join(sent[before:])
    assert one.mark.encode() not in after and b"answers.withheld" in after


async def test_an_old_answer_on_the_screen_is_looked_at_too(rt: Runtime, outside: Outside) -> None:
    """Much was asked since through another door; what is looked at is what is shown."""
    one = await losses.reader(rt, outside.chat.person.id)
    outside.llm.gate(one.mark).set()
    async for _ in answers.ask(rt, one.actor, losses.QUESTION):
        pass
    root = client()
    page = find(root, AskState)
    await SessionState.present.fn(find(root, SessionState), {"secret": one.resume_secret})
    await AskState.load.fn(page)
    shown = page.exchanges[-1]["id"]
    ids = {"tenant_id": one.actor.tenant, "user_id": one.actor.user_id}
    async with rt.db.transaction(one.actor.tenant) as db:
        db.add_all([Question(door="bot", question=str(n), answer="No.", **ids) for n in range(101)])
    await losses.kicked(one)
    await AskState.open_source.fn(page, shown, 1)
    assert page.source["n"] == 0 and one.mark not in held_by(root)


def test_every_way_is_walked_with_every_loss() -> None:
    """So many cells; a way or a loss that is taken out is missed."""
    assert (len(UNDER_WAY), len(AFTERWARDS), len(LOSSES)) == (7, 10, 11)
    assert (len(CELLS), len(OUTLIVED)) == (187, 5)
