"""The channels a person follows: loading progress, pause, remove.

Test ids: channels-add, channel (one per row, with data-channel), channel-sheet, channel-open, channel-pause,
channel-remove, sheet-close, empty, channels-empty-add.
"""

import asyncio
from contextlib import suppress
from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import link_button, progress, switch
from tg_assistant.components.formatting import colour, counted, initial
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import avatar, cell, chevron, section
from tg_assistant.components.placeholders import empty
from tg_assistant.components.sheet import sheet
from tg_assistant.components.telegram import confirm_button, telegram_link
from tg_assistant.core.channels import channels
from tg_assistant.core.channels.channels import Followed
from tg_assistant.core.names import Topic
from tg_assistant.errors import Unavailable
from tg_assistant.page_context import actor_transaction, is_live, parse_id
from tg_assistant.state import HOME, SessionState
from tg_assistant.template import page
from tg_assistant.texts import has, text
from tg_assistant.web.process import current

_ADDRESS = f"{HOME}/channels"
_BUSY_SECONDS, _IDLE_SECONDS = 1.5, 15


class Row(TypedDict):
    """One followed channel as the screen shows it."""

    id: str
    title: str
    letter: str
    colour: int
    detail: str
    error: bool
    loading: bool
    share: float
    paused: bool
    url: str
    count: str


NOTHING: Row = {
    "id": "", "title": "", "letter": "", "colour": 0, "detail": "", "error": False, "loading": False,
    "share": 0.0, "paused": False, "url": "", "count": "",
}  # fmt: skip


class ChannelsState(rx.State):
    """The list, and the one channel whose sheet is open."""

    rows: list[Row] = []  # noqa: RUF012 - Reflex copies defaults
    opened: Row = NOTHING
    heading: str = ""

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return [SessionState.loaded, ChannelsState.follow]

    @rx.event(background=True)
    async def follow(self) -> None:
        """Update the progress bars while this socket shows this screen."""
        async with self:
            sid = self.router.session.session_id
        async with current().events.listening(Topic.channel) as changed:
            while True:
                async with self:
                    if not is_live(self, sid) or self.router.url.path.rstrip("/") != _ADDRESS:
                        return
                    with suppress(Unavailable):  # the database is restarting: the next read shows all changes
                        await self._read()
                    busy = any(row["loading"] for row in self.rows)
                changed.clear()
                await changed.within(_BUSY_SECONDS if busy else _IDLE_SECONDS)
                await asyncio.sleep(
                    _BUSY_SECONDS / 3
                )  # one redraw for several pages of history saved in quick succession

    @rx.event
    def open(self, channel_id: str) -> None:
        self.opened = self._find(channel_id)

    @rx.event
    def close(self) -> None:
        self.opened = NOTHING

    @rx.event
    async def pause(self) -> None:
        """Pause the opened channel, or resume reading its new posts."""
        paused = not self.opened["paused"]
        async with actor_transaction(self) as (db, actor):
            await channels.pause(db, actor, parse_id(self.opened["id"], "channels.not_found"), paused)
        session = await self.get_state(SessionState)
        session._say(text("channels.paused_now" if paused else "channels.resumed_now", actor.language))
        await self._read()

    @rx.event
    async def remove(self) -> None:
        async with actor_transaction(self) as (db, actor):
            await channels.remove(db, actor, parse_id(self.opened["id"], "channels.not_found"))
        session = await self.get_state(SessionState)
        session._say(text("channels.removed", actor.language))
        self.opened = NOTHING
        await self._read()

    async def _read(self) -> None:
        async with actor_transaction(self) as (db, actor):
            followed = await channels.list_(db, actor)
        self.rows = [_row(one, actor.language) for one in followed]
        total = sum(one.progress.done for one in followed)
        counts = ("channels.total", len(followed)), ("channels.posts", total)
        self.heading = ", ".join(counted(code, actor.language, n) for code, n in counts)
        if self.opened["id"]:
            self.opened = self._find(self.opened["id"])

    def _find(self, channel_id: str) -> Row:
        return next((row for row in self.rows if row["id"] == channel_id), NOTHING)


def _row(followed: Followed, language: str) -> Row:
    channel, progressed = followed.channel, followed.progress
    share = progressed.done / max(progressed.total_estimate, 1)
    loading = not (progressed.finished or followed.subscription.paused or progressed.last_error)
    return Row(
        id=str(channel.id),
        title=channel.title,
        letter=initial(channel.title),
        colour=colour(channel.telegram_id),
        detail=_detail(followed, share, language),
        error=bool(progressed.last_error),
        loading=loading,
        share=round(min(share, 1.0), 3),
        paused=followed.subscription.paused,
        url=f"https://t.me/{channel.username}"
        if channel.username
        else f"https://t.me/c/{channel.telegram_id}",
        count=counted("channels.posts", language, progressed.done),
    )


def _detail(followed: Followed, share: float, language: str) -> str:
    """The line below the title: an error in words, the progress, or the number of posts."""
    progressed = followed.progress
    if progressed.last_error:
        code = f"errors.{progressed.last_error}"
        return text(code if has(code) else "channels.stopped", language)
    if followed.subscription.paused:
        return text("channels.paused", language)
    if progressed.finished:
        return counted("channels.posts", language, progressed.done)
    if not progressed.done:
        return text("channels.waiting", language)
    line = text("channels.loading", language, percent=min(99, round(share * 100)))
    if progressed.eta_seconds and progressed.eta_seconds > 60:
        line += ", " + text("channels.eta", language, n=round(progressed.eta_seconds / 60))
    return line


def _channel(row: Row) -> rx.Component:
    bar = rx.cond(row["loading"], progress(row["share"]), rx.fragment())
    return rx.el.button(
        avatar(row["letter"], row["colour"]),
        rx.el.div(
            rx.el.div(row["title"], class_name="tg-cell-title"),
            rx.el.div(row["detail"], class_name=rx.cond(row["error"], "tg-cell-sub error", "tg-cell-sub")),
            bar,
            class_name="tg-cell-text",
        ),
        chevron(),
        type="button",
        on_click=ChannelsState.open(row["id"]),
        class_name="tg-cell iconed",
        data_testid="channel",
        data_channel=row["title"],
    )


def _sheet() -> rx.Component:
    """The opened channel's details and actions."""
    row = ChannelsState.opened
    facts = section(
        cell(
            row["count"],
            subtitle=rx.cond(row["detail"] == row["count"], say("channels.ready"), row["detail"]),
        ),
        cell(
            say("channels.pause"),
            right=switch(
                ~row["paused"],
                say("channels.pause"),
                on_click=ChannelsState.pause,
                data_testid="channel-pause",
            ),
        ),
        footer=say("channels.pause_hint"),
    )
    actions = section(
        telegram_link(
            rx.el.div(say("channels.open"), class_name="tg-cell-title"),
            href=row["url"],
            class_name="tg-cell accent",
            data_testid="channel-open",
        ),
        confirm_button(
            rx.el.div(say("channels.remove"), class_name="tg-cell-title"),
            message=say("channels.remove_confirm"),
            on_confirm=ChannelsState.remove,
            class_name="tg-cell danger",
            data_testid="channel-remove",
        ),
    )
    return sheet(
        row["id"] != "",
        facts,
        actions,
        title=row["title"],
        on_close=ChannelsState.close,
        testid="channel-sheet",
    )


@page("channels", load=ChannelsState.load, tab="channels")
def channels_page() -> rx.Component:
    """The list, or an invitation to add the first."""
    add = f"{HOME}/channels/add/"
    some = rx.fragment(
        rx.el.h1(say("channels.title"), class_name="tg-title"),
        section(
            rx.foreach(ChannelsState.rows, _channel),
            header=ChannelsState.heading,
        ),
        link_button(say("channels.empty_action"), add, style="wide soft", data_testid="channels-add"),
        _sheet(),
    )
    none = empty(
        "📰",
        say("channels.empty_title"),
        say("channels.empty"),
        link_button(say("channels.empty_action"), add, data_testid="channels-add"),
    )
    return rx.cond(ChannelsState.rows.length() > 0, some, none)
