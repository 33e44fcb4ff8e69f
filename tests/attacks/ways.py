"""Every way out of an answer: what it shows before a loss, and all that it sends afterwards.

A way is an asynchronous generator of two texts. It gets a reader, `outside` (see below) and the model's gate;
its second text begins where the loss has just been committed. A way whose answer is under way then has said a
part of it, and goes on only when the gate opens.
"""

import asyncio
import io
import json
import zipfile
import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import httpx

from bot.handlers import asking as bot_asking
from sandbox.control import Sandbox
from sandbox.faults import bot_error
from tests.attacks.losses import QUESTION, Reader
from tests.attacks.test_every_handler import Held, client, find, held_by
from tests.bot.chat import Chat
from tg_assistant.api.streaming import answer_streams
from tg_assistant.core.access import sign_in
from tg_assistant.core.answers import asking, question_log, showing
from tg_assistant.core.privacy import export
from tg_assistant.errors import AssistantError, NotAllowed, SignInNeeded
from tg_assistant.pages.ask import AskState
from tg_assistant.state import SessionState
from tg_assistant.texts import text

PATIENCE = 60  # seconds: what was lost ends by itself, and what did not would wait for the gate for ever
_ASK = "mutation ($q: String!) { ask(question: $q) { answer sources { quote } } }"
_ASKED = "{ questions { edges { node { answer sources { quote post { text } } } } } }"
_STREAM = {"Accept": "text/event-stream"}
_REFUSALS = (
    "answers.withheld",
    "access.disabled",
    "access.no_membership",
    "access.role",
    "access.signed_out",
)
_ENDINGS = {text("ask.withheld", "en"), *(text(f"errors.{code}", "en") for code in _REFUSALS)}


class Paced:
    """A language model that says half of its answer, and the rest once the gate of its question is open."""

    def __init__(self) -> None:
        self._gates: dict[str, asyncio.Event] = {}

    def gate(self, mark: str) -> asyncio.Event:
        return self._gates.setdefault(mark, asyncio.Event())

    async def stream(self, system: str, prompt: str) -> AsyncGenerator[str]:
        mark = next(mark for mark in self._gates if mark in prompt)
        yield f"The spare key is {mark} [1]. "
        await self.gate(mark).wait()
        yield f"Once more: {mark} [1]."

    async def close(self) -> None:
        """Nothing to close."""


@dataclass
class Outside:
    """What a way needs besides the reader: a client of the served API, the local Telegram, the model."""

    http: httpx.AsyncClient
    telegram: Sandbox
    llm: Paced
    chat: Chat
    drafts: list[str] = field(default_factory=list)


Way = Callable[[Reader, Outside], AsyncGenerator[str]]


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not look():  # noqa: ASYNC110 - another process, or a list
            await asyncio.sleep(0.01)


class _Stream:
    """An event stream being read."""

    def __init__(self, one: Reader, out: Outside, **headers: str) -> None:
        self.heard = ""
        self.last_id = ""
        self._one, self._out, self._headers = one, out, headers
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        headers = {**self._one.headers, **_STREAM, **self._headers}
        asked = {"headers": headers, "json": {"query": QUESTION}}
        async with self._out.http.stream("POST", "/api/rag/query", **asked) as answer:
            async for line in answer.aiter_lines():
                self.heard += f"{line}\n"
                if line.startswith("id: "):
                    self.last_id = line.removeprefix("id: ")

    @property
    def question(self) -> str:
        return self.last_id.partition(":")[0]

    async def to_its_end(self) -> str:
        async with asyncio.timeout(PATIENCE):
            await self.task
        return self.heard


async def _whole(one: Reader, out: Outside) -> _Stream:
    """An answer given to its end."""
    out.llm.gate(one.mark).set()
    stream = _Stream(one, out)
    await stream.to_its_end()
    assert "event: done" in stream.heard, stream.heard
    return stream


async def _again(one: Reader, out: Outside, question: str) -> str:
    return await _Stream(one, out, **{"Last-Event-ID": f"{question}:0"}).to_its_end()


async def _piece(one: Reader, stream: _Stream) -> None:
    await until(lambda: "event: delta" in stream.heard and stream.heard.count(one.mark) > 1)


# ── REST ─────────────────────────────────────────────────────────────────────


async def streamed(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """A stream under way ends by itself; what the model says afterwards is not in it."""
    stream = _Stream(one, out)
    await _piece(one, stream)
    yield (before := stream.heard)
    sent = (await stream.to_its_end())[len(before) :]
    out.llm.gate(one.mark).set()
    assert "event: error" in sent, sent
    yield sent


async def cut_and_read_on(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """The connection was cut, the answer is still being made: read again from its first event."""
    stream = _Stream(one, out)
    await _piece(one, stream)
    stream.task.cancel()
    yield stream.heard
    yield await _again(one, out, stream.question)


async def replayed(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """From the memory of the process that gave it, for a minute."""
    question = (await _whole(one, out)).question
    yield await _again(one, out, question)
    assert UUID(question) in answer_streams._live
    yield await _again(one, out, question)


async def replayed_elsewhere(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """By a process that did not give it: from the database."""
    question = (await _whole(one, out)).question
    del answer_streams._live[UUID(question)]
    yield await _again(one, out, question)
    yield await _again(one, out, question)


async def _json(one: Reader, out: Outside, path: str, body: Any) -> str:
    answer = await out.http.post(path, json=body, headers=one.headers)
    return answer.text


async def waited_for(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """Without a stream: the answer was not sent yet."""
    async for sent in _in_flight(one, out, "/api/rag/query", {"query": QUESTION}):
        yield sent


async def graphql(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """The same through GraphQL."""
    body = {"query": _ASK, "variables": {"q": QUESTION}}
    async for sent in _in_flight(one, out, "/api/graphql", body):
        yield sent


async def _in_flight(one: Reader, out: Outside, path: str, body: Any) -> AsyncGenerator[str]:
    out.llm.gate(one.mark).set()
    before = await _json(one, out, path, body)
    out.llm.gate(one.mark).clear()
    asked = asyncio.create_task(_json(one, out, path, body))
    await _begun(one, 2)
    yield before
    async with asyncio.timeout(PATIENCE):
        yield await asked


async def _begun(one: Reader, most: int) -> None:
    """So many questions are tried, the last of them has been given its sources by now."""

    async def tried() -> int:
        async with one.rt.db.transaction(one.actor.tenant) as db:
            found = await question_log.page(db, one.actor)
        return sum(asked.attempts for asked in found.items)

    async with asyncio.timeout(PATIENCE):
        while await tried() < most:  # noqa: ASYNC110 - a database, which sets no event
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)  # wherever the loss meets it: before the search, or after


async def _get(one: Reader, out: Outside, path: str) -> httpx.Response:
    return await out.http.get(path, headers=one.headers)


async def history(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """The list of own questions."""
    await _whole(one, out)
    for _ in range(2):
        yield (await _get(one, out, "/api/rag/history")).text


async def history_by_graphql(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """With the sources, and the posts behind them."""
    await _whole(one, out)
    for _ in range(2):
        yield await _json(one, out, "/api/graphql", {"query": _ASKED})


async def exported(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """Asked for."""
    await _whole(one, out)
    for _ in range(2):
        yield unzipped((await _get(one, out, "/api/users/me/export")).content)


async def being_exported(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """Begun before: a part has been sent, none of the questions; the rest is taken afterwards."""
    await _whole(one, out)
    yield unzipped((await _get(one, out, "/api/users/me/export")).content)
    archive, sent = export.archive(one.rt, one.actor), b""
    sent += await anext(archive)
    yield ""  # the loss
    with suppress(NotAllowed, SignInNeeded):
        async for piece in archive:
            sent += piece
    yield unzipped(sent)


def unzipped(sent: bytes) -> str:
    """All that can be read of an archive, though it was broken off."""
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(sent)) as whole:
        return "".join(whole.read(name).decode() for name in whole.namelist())
    found = ""
    for part in sent.split(b"PK\x03\x04")[1:]:
        names, extra = int.from_bytes(part[22:24], "little"), int.from_bytes(part[24:26], "little")
        with suppress(zlib.error):
            found += zlib.decompressobj(-15).decompress(part[26 + names + extra :]).decode("utf-8", "replace")
    return found


# ── The bot ──────────────────────────────────────────────────────────────────


async def chatted(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """A draft that grows: it is replaced, and the message that follows says why."""
    sent = out.chat.sends(QUESTION)
    await until(lambda: any(one.mark in draft for draft in out.drafts))
    seen = len(out.drafts)
    yield "".join(out.drafts)
    await _refused(out, sent.id)
    out.llm.gate(one.mark).set()
    assert len(out.drafts) > seen, "the draft is replaced"
    yield "".join(out.drafts[seen:] + out.chat.heard(after=sent.id))


async def _refused(out: Outside, after: int) -> None:
    """The last message about the question, which no notification is; or an answer, if it came to that."""
    await until(lambda: any(said in _ENDINGS or "KEY-" in said for said in out.chat.heard(after=after)))


async def sent_late(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """Telegram was away when the answer was to be sent: it is tried again after the loss."""
    out.llm.gate(one.mark).set()
    out.telegram.fail("sendMessage", bot_error(502, "Bad Gateway"), times=1)
    sent = out.chat.sends(QUESTION)
    await until(lambda: any(one.mark in draft for draft in out.drafts))
    seen = len(out.drafts)
    yield "".join(out.drafts)
    await _refused(out, sent.id)
    yield "".join(out.drafts[seen:] + out.chat.heard(after=sent.id))


async def interrupted(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """The bot died while it answered: the message is worked on again."""
    out.llm.gate(one.mark).set()
    asked = [uuid5(one.actor.user_id, str(n)) for n in (1, 2)]
    for question_id in asked:
        await asking.begin(one.rt, one.actor, QUESTION, question_id)
    for again in (asked[:1], asked):
        said = ""
        for question_id in again:
            with suppress(AssistantError):
                said += await _worked_on(one, question_id)
        yield said


async def _worked_on(one: Reader, question_id: UUID) -> str:
    async with one.rt.db.transaction() as db:
        actor = await sign_in.actor(db, one.actor.user_id, door="bot")
    events = bot_asking._events(one.rt, actor, QUESTION, question_id)
    return "".join([repr(event) async for event in showing.watched(one.rt, actor, events)])


# ── The Mini App ─────────────────────────────────────────────────────────────


class _Page:
    """The states of a client that has opened the screen; its idle watch runs, as it does on every socket."""

    def __init__(self) -> None:
        self.root = client()
        self.session: Any = find(self.root, SessionState)
        self.ask: Any = find(self.root, AskState)

    async def open(self, one: Reader) -> None:
        """Raises what signing in does."""
        await SessionState.present.fn(self.session, {"secret": one.resume_secret})
        if self.session._is_bound():
            self.watch = asyncio.create_task(SessionState.watch.fn(Held(self.session)))
            await AskState.load.fn(self.ask)

    async def settled(self) -> str:
        """What is held once the hint of a lost right, if this was one, has been followed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                if await asyncio.shield(self.watch):
                    try:
                        await SessionState.look_again.fn(self.session)
                        await AskState.load.fn(self.ask)
                    except AssistantError as error:
                        await SessionState.fail.fn(self.session, error.code, {}, "")
        self.watch.cancel()
        return held_by(self.root)


async def shown_live(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """The answer grows on the screen; with the loss it is gone from it."""
    page = _Page()
    await page.open(one)
    await AskState.ask.fn(page.ask, QUESTION, uuid5(one.actor.user_id, "page").hex)
    growing = asyncio.create_task(AskState.stream.fn(Held(page.ask)))
    await until(lambda: one.mark in page.ask.exchanges[-1]["answer"])
    yield held_by(page.root)
    async with asyncio.timeout(PATIENCE):
        with suppress(AssistantError):
            await growing
    out.llm.gate(one.mark).set()
    yield await page.settled()


async def loaded(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """The screen is built from the database, before and after."""
    await _whole(one, out)
    for _ in range(2):
        page = _Page()
        with suppress(AssistantError):
            await page.open(one)
        if page.session._is_bound():
            page.watch.cancel()
        yield held_by(page.root)


async def left_open(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """A screen that lies open, untouched."""
    await _whole(one, out)
    page = _Page()
    await page.open(one)
    guard = asyncio.create_task(AskState.guard.fn(Held(page.ask)))
    await asyncio.sleep(0.1)  # it listens
    yield held_by(page.root)
    with suppress(TimeoutError):
        async with asyncio.timeout(10):  # without the hint it would be 15 s
            await until(lambda: guard.done() or page.watch.done() or one.mark not in held_by(page.root))
    guard.cancel()
    yield await page.settled()


async def source_opened(one: Reader, out: Outside) -> AsyncGenerator[str]:
    """A number is tapped on a screen that still holds the old picture."""
    await _whole(one, out)
    page = _Page()
    await page.open(one)
    page.watch.cancel()
    for _ in range(2):
        with suppress(AssistantError):
            await AskState.open_source.fn(page.ask, page.ask.exchanges[-1]["id"], 1)
        yield json.dumps(page.ask.source)
        AskState.close_source.fn(page.ask)


# What is under way when the right is lost, and what is asked for afterwards.
UNDER_WAY: tuple[Way, ...] = (streamed, waited_for, graphql, being_exported, chatted, sent_late, shown_live)
AFTERWARDS: tuple[Way, ...] = (
    *(cut_and_read_on, replayed, replayed_elsewhere, history, history_by_graphql, exported),
    *(interrupted, loaded, left_open, source_opened),
)
