"""The group's channels: sizes, indexing errors, pausing. Private ones the admin cannot read have no name.

Test ids: channels-search, group-channel (with data-name), group-channel-pause.
"""

from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import search_field, switch
from tg_assistant.components.formatting import colour, counted, initial
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import avatar, cell
from tg_assistant.components.panel import listed, more
from tg_assistant.core.administration import channel_overview
from tg_assistant.core.administration.channel_overview import ChannelSeen
from tg_assistant.page_context import actor_transaction, administering, parse_id
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import text


class Row(TypedDict):
    id: str
    title: str
    letter: str
    colour: int
    detail: str
    reading: bool


class GroupChannelsState(rx.State):
    """The search results."""

    rows: list[Row] = []  # noqa: RUF012 - Reflex copies defaults
    cursor: str = ""
    _query: str = ""

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return SessionState.loaded

    @rx.event
    async def search(self, words: str) -> None:
        self._query = words[:100]
        await self._read()

    @rx.event
    async def read_on(self) -> None:
        await self._read(self.cursor)

    @rx.event
    async def pause(self, channel_id: str, paused: bool) -> None:
        """Pause or resume a channel for the whole group; its posts are kept, but not shown."""
        async with administering(self) as (db, actor):
            seen = await channel_overview.pause_channel(
                db, actor, parse_id(channel_id, "channels.not_found"), paused
            )
        changed = _row_of(seen, actor.language)
        self.rows = [changed if row["id"] == channel_id else row for row in self.rows]

    async def _read(self, cursor: str = "") -> None:
        async with actor_transaction(self) as (db, actor):
            found = await channel_overview.list_channels(db, actor, search=self._query, cursor=cursor or None)
        shown = [_row_of(seen, actor.language) for seen in found.items]
        self.rows = [*self.rows, *shown] if cursor else shown
        self.cursor = found.next_cursor or ""


def _row_of(seen: ChannelSeen, language: str) -> Row:
    channel = seen.channel
    title = channel.title if seen.named else text("channels.private", language)
    detail = [
        counted("admin.followers", language, seen.followers),
        counted("channels.posts", language, seen.posts),
    ]
    if channel.paused:
        detail.insert(0, text("channels.paused", language))
    for trouble, count in seen.held.items():
        detail.append(text(f"admin.held_{trouble}", language, n=count))
    return Row(
        id=str(channel.id),
        title=title,
        letter=initial(title),
        colour=colour(channel.telegram_id) if seen.named else 0,
        detail=" · ".join(detail),
        reading=not channel.paused,
    )


def _row(one: Row) -> rx.Component:
    reading = switch(
        one["reading"],
        say("channels.pause"),
        on_click=GroupChannelsState.pause(one["id"], one["reading"]),
        data_testid="group-channel-pause",
    )
    return cell(
        one["title"],
        subtitle=one["detail"],
        left=avatar(one["letter"], one["colour"]),
        right=reading,
        data_testid="group-channel",
        data_name=one["title"],
    )


@panel_page("channels", load=GroupChannelsState.load)
def group_channels_page() -> rx.Component:
    """A search field, then every channel that a member follows."""
    return rx.fragment(
        search_field("channels.search", on_typed=GroupChannelsState.search, data_testid="channels-search"),
        listed(
            GroupChannelsState.rows,
            _row,
            header=say("admin.tab_channels"),
            nothing="admin.no_channels",
            footer=say("admin.channels_hint"),
        ),
        more(GroupChannelsState.cursor, GroupChannelsState.read_on),
    )
