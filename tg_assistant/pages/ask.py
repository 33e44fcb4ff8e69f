"""Asking: a conversation with streamed answers, whose citations open the posts they refer to.

Test ids: ask-input, ask-send, ask-empty, question, answer (data-state: waiting, streaming, done, abstained,
failed), cite, source, source-sheet, source-open, sheet-close, ask-copy, ask-add-channels.
"""

import asyncio
from contextlib import aclosing, suppress
from typing import Any, cast
from uuid import UUID

import reflex as rx

from tg_assistant.components import conversation
from tg_assistant.components.controls import link_button
from tg_assistant.components.conversation import Exchange, SourceRow, exchange, hidden, parts
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import section
from tg_assistant.components.placeholders import empty
from tg_assistant.components.post_body import post_body, rows
from tg_assistant.components.sheet import sheet
from tg_assistant.components.telegram import composer, follow_bottom, telegram_link
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import answers, asking, question_log, showing
from tg_assistant.core.answers.answers import Delta, Done, Sources
from tg_assistant.core.channels import channels
from tg_assistant.core.names import Topic
from tg_assistant.core.posts import posts
from tg_assistant.errors import AlreadyExists, NotAllowed, SignInNeeded, Unavailable
from tg_assistant.infra.postgres.events import Hint
from tg_assistant.page_context import actor_transaction, is_live, parse_id
from tg_assistant.state import HOME, SessionState
from tg_assistant.template import page
from tg_assistant.texts import text
from tg_assistant.web.process import current

_HISTORY = 20
_POLL_SECONDS = 1.0
_LOOK_SECONDS = 15.0  # a screen notices a lost right within this time even if the hint is lost
_guarded: set[str] = set()  # ids of sockets with a running `guard`: at most one each
_NO_SOURCE = SourceRow(n=0, post_id="", title="", when="", quote="", url="", body=[])


class AskState(rx.State):
    """The conversation, oldest first, and the source whose sheet is open."""

    exchanges: list[Exchange] = []  # noqa: RUF012 - Reflex copies defaults
    has_channels: bool = True
    busy: bool = False
    source: SourceRow = _NO_SOURCE
    mark: int = 0  # grows with the conversation; the page scrolls to the end when it changes

    @rx.event
    async def load(self) -> Any:
        async with actor_transaction(self) as (db, actor):
            self.has_channels = await channels.count(db, actor) > 0
            await self._read(db, actor)
        waiting = [AskState.resume, AskState.wait] if self.busy else []
        return [SessionState.loaded, AskState.guard, *waiting]

    @rx.event
    async def ask(self, question: str, question_id: str) -> Any:
        """Show the question at once; `stream` answers it in the background.

        The browser chooses the id, under which it sends the question again after a lost connection.
        """
        if self.busy or any(one["id"] == question_id for one in self.exchanges):
            return None
        async with actor_transaction(self):
            pass
        shown = Exchange(
            id=parse_id(question_id, "questions.not_found").hex,
            question=asking.checked(question),  # raises before the question is shown and the field cleared
            kept=False,
            answer="",
            parts=[],
            sources=[],
            state="waiting",
        )
        # limited, because every event carries the conversation, and refused questions, which are in no
        # history, would otherwise accumulate
        self.exchanges = [*self.exchanges, shown][-_HISTORY:]
        self.busy, self.mark = True, self.mark + 1
        return AskState.stream

    @rx.event(background=True)
    async def stream(self) -> Any:
        """Ask, and show the answer as it grows. It is saved even if the screen is closed."""
        async with self:
            sid = self.router.session.session_id
            async with actor_transaction(self) as (_, actor):
                pass
            if not self.exchanges:
                return None
            exchange_id, question = self.exchanges[-1]["id"], self.exchanges[-1]["question"]
        try:
            asked = await asking.begin(current(), actor, question, UUID(hex=exchange_id))
            async with self:
                self._change(exchange_id, kept=True)
            answer = answers.finish(current(), actor, asked, {})
            async with aclosing(showing.watched(current(), actor, answer)) as events:
                async for event in events:
                    async with self:
                        if is_live(self, sid):
                            self._grow(exchange_id, event, actor.language)
        except AlreadyExists:  # the question was received before the connection was lost
            async with self:
                return AskState.wait
        except BaseException as error:  # includes cancellation: the screen must not wait for ever
            withheld = isinstance(error, NotAllowed) and error.code == showing.WITHHELD
            async with self:
                self._end(exchange_id, told=isinstance(error, Exception))
                if withheld:
                    self._change(exchange_id, **hidden(actor.language))
            if not withheld:
                raise

    @rx.event(background=True)
    async def resume(self) -> None:
        """Answer the newest question in this process if the one that was answering it has died."""
        async with self, actor_transaction(self) as (db, actor):
            asked = await question_log.page(db, actor, limit=1)
        for newest in asked.items:
            if newest.answer is None:
                with suppress(
                    AlreadyExists
                ):  # another process is answering it, for longer than `resume` waits
                    async for _ in answers.resume(current(), actor, newest.id):
                        pass

    @rx.event(background=True)
    async def wait(self) -> None:
        """Wait for an answer that is being written for an earlier socket, and show it."""
        async with self:
            sid = self.router.session.session_id
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            async with self:
                if not is_live(self, sid) or not self.busy:
                    return
                async with actor_transaction(self) as (db, actor):
                    await self._read(db, actor)

    @rx.event(background=True)
    async def guard(self) -> None:
        """Hide answers on an idle screen once access to a channel they are based on is lost."""
        async with self:
            sid = self.router.session.session_id
            async with actor_transaction(self) as (_, actor):
                pass
        if sid in _guarded:
            return
        _guarded.add(sid)
        try:
            async with current().events.listening(Topic.rights, str(actor.user_id)) as told:
                while await self._guarded(sid, told):
                    pass
        finally:
            _guarded.discard(sid)

    @rx.event
    async def open_source(self, exchange_id: str, n: int) -> None:
        """Open a source, if it may still be shown: the post as it is now, or what was quoted of it."""
        async with actor_transaction(self) as (db, actor):
            await self._look(db, actor)
            asked = [one["sources"] for one in self.exchanges if one["id"] == exchange_id]
            found = next((source for sources in asked for source in sources if source["n"] == n), _NO_SOURCE)
            shown = await posts.among(db, actor, [UUID(found["post_id"])]) if found["n"] else []
        self.source = {**found, "body": rows(shown[0].post) if shown else []}

    @rx.event
    def close_source(self) -> None:
        self.source = _NO_SOURCE

    @rx.event
    async def copied(self) -> None:
        session = await self.get_state(SessionState)
        session._say(text("ask.copied", session.language))

    async def _read(self, db: Any, actor: Actor) -> None:
        asked = await question_log.page(db, actor, limit=_HISTORY)
        self.exchanges = [conversation.exchange_of(one, actor.language) for one in reversed(asked.items)]
        self.busy = bool(self.exchanges) and self.exchanges[-1]["state"] == "waiting"
        self.mark += 1

    async def _guarded(self, sid: str, told: Hint) -> bool:
        """Wait for a hint that rights were lost, and check the screen. False when guarding ends."""
        await told.within(_LOOK_SECONDS)
        told.clear()
        async with self:
            if not is_live(self, sid):
                return False
            try:
                async with actor_transaction(self) as (db, actor):
                    await self._look(db, actor)
            except (SignInNeeded, NotAllowed):  # `SessionState.watch` clears the whole screen
                return False
            except Unavailable:
                pass  # nothing can be read while the database is away
        return True

    async def _look(self, db: Any, actor: Actor) -> None:
        """Hide or restore the answers on the screen, according to the person's current access to channels."""
        asked = await question_log.among(db, actor, [UUID(hex=one["id"]) for one in self.exchanges])
        shown = conversation.as_now(self.exchanges, asked, actor.language)
        if shown != self.exchanges:
            self.exchanges, self.source = shown, _NO_SOURCE

    def _grow(self, exchange_id: str, event: Sources | Delta | Done, language: str) -> None:
        """Apply an event of the answer to its exchange. If that is gone after a reload, `wait` shows it."""
        one = next((one for one in self.exchanges if one["id"] == exchange_id), None)
        if one is None:
            return
        if isinstance(event, Sources):
            one["sources"] = conversation.source_rows(event.sources, language)
        elif isinstance(event, Delta):
            one["answer"] += event.text
            one["state"] = "streaming"
        else:
            one["answer"], one["sources"] = event.answer, conversation.source_rows(event.sources, language)
            one["state"] = "abstained" if event.abstained else "done"
            self.busy = False
        one["parts"] = parts(one["answer"])
        self.exchanges = list(self.exchanges)
        self.mark += 1

    def _end(self, exchange_id: str, *, told: bool) -> None:
        """Mark an interrupted answer as failed. `told`: a notice shows the error (not when cancelled)."""
        for one in self.exchanges:
            if one["id"] == exchange_id and one["state"] in ("waiting", "streaming"):
                self._change(exchange_id, state="failed", kept=one["kept"] or told)
        self.busy = False

    def _change(self, exchange_id: str, **values: Any) -> None:
        changed = [{**one, **values} if one["id"] == exchange_id else one for one in self.exchanges]
        self.exchanges = cast("list[Exchange]", changed)


def _sheet() -> rx.Component:
    """The open source: its channel and time, the post or its quote, a link to the post."""
    source = AskState.source
    return sheet(
        source["n"] > 0,
        section(post_body(source["body"], instead=source["quote"]), header=source["when"]),
        telegram_link(
            say("ask.open_post"),
            href=source["url"],
            class_name="tg-button wide tg-main-fallback",
            data_testid="source-open",
        ),
        title=source["title"],
        on_close=AskState.close_source,
        testid="source-sheet",
    )


def _native() -> dict[str, Any]:
    """While a source is open, Telegram's own button opens its post."""
    source = AskState.source
    return {"main_text": rx.cond(source["n"] > 0, say("ask.open_post"), ""), "main_url": source["url"]}


@page("ask", load=AskState.load, tab="ask", native=_native)
def ask() -> rx.Component:
    """The conversation above, the question field below."""
    nothing = rx.cond(
        AskState.has_channels,
        empty("💡", say("ask.empty_title"), say("ask.empty"), testid="ask-empty"),
        empty(
            "📰",
            say("ask.no_channels_title"),
            say("ask.no_channels"),
            link_button(
                say("channels.empty_action"), f"{HOME}/channels/add/", data_testid="ask-add-channels"
            ),
        ),
    )
    talk = follow_bottom(
        rx.foreach(
            AskState.exchanges,
            lambda one: exchange(one, on_source=AskState.open_source, on_copied=AskState.copied),
        ),
        mark=AskState.mark,
        class_name="tg-chat",
    )
    field = composer(
        placeholder=say("ask.placeholder"),
        send_label=say("ask.send"),
        busy=AskState.busy,
        max_length=asking.MAX_QUESTION,
        shown=AskState.exchanges,
        on_send=AskState.ask,
    )
    return rx.el.div(
        rx.cond(AskState.exchanges.length() > 0, talk, nothing),
        rx.cond(AskState.has_channels | (AskState.exchanges.length() > 0), field, rx.fragment()),
        _sheet(),
        class_name="tg-chat-page",
    )
