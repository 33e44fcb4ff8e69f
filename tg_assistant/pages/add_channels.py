"""Adding channels: from the account's own list, or by @name or link.

Test ids: add-link, add-link-submit, add-search, folder, available (one per row, with data-channel),
add-selected, add-connect, empty.
"""

from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import button, check, link_button, search_field, segment, segments
from tg_assistant.components.lists import avatar, section
from tg_assistant.components.readable import colour, counted, initial
from tg_assistant.components.states import empty
from tg_assistant.components.words import say
from tg_assistant.core import accounts, channels
from tg_assistant.core.access import Actor
from tg_assistant.errors import AlreadyExists, AssistantError, Unavailable
from tg_assistant.models import Dialog
from tg_assistant.process import current
from tg_assistant.state import HOME, SessionState, acting
from tg_assistant.template import page
from tg_assistant.texts import text

_SHOWN = 200


class Choice(TypedDict):
    """One channel of the account's list."""

    id: str
    title: str
    letter: str
    colour: int
    detail: str
    folder: str
    chosen: bool
    followed: bool


class AddState(rx.State):
    """What may be chosen, what is chosen."""

    rows: list[Choice] = []  # noqa: RUF012 - Reflex copies defaults
    folders: list[str] = []  # noqa: RUF012
    folder: str = ""
    connected: bool = True
    checking: bool = False
    busy: bool = False
    submit_text: str = ""
    _all: list[Choice] = []  # noqa: RUF012
    _query: str = ""

    @rx.event
    async def load(self) -> Any:
        self._query = ""
        async with acting(self) as (db, actor):
            self.connected = await accounts.own(db, actor) is not None
        if not self.connected:
            return SessionState.loaded
        return [SessionState.loaded, AddState.list_available]

    @rx.event
    async def list_available(self) -> Any:
        """Read the account's list; the first time, Telegram is asked and the screen says so."""
        self.checking = not self._all
        yield
        async with acting(self) as (db, actor):
            followed = {str(one.channel.telegram_id) for one in await channels.list_(db, actor)}
        try:
            listed = await channels.available(current(), actor)
        except Unavailable as error:
            if error.code != "channels.checking":
                self.checking = False
                raise
            yield AddState.list_available  # Telegram has not answered yet: keep waiting, visibly
            return
        self.checking = False
        self._all = [_choice(dialog, followed, actor.language) for dialog in listed]
        self.folders = list(dict.fromkeys(choice["folder"] for choice in self._all if choice["folder"]))
        self._filter()

    @rx.event
    def search(self, query: str) -> None:
        self._query = query.casefold().strip()
        self._filter()

    @rx.event
    def choose_folder(self, folder: str) -> None:
        self.folder = folder
        self._filter()

    @rx.event
    async def toggle(self, channel_id: str) -> None:
        session = await self.get_state(SessionState)
        for choice in self._all:
            if choice["id"] == channel_id and not choice["followed"]:
                choice["chosen"] = not choice["chosen"]
        chosen = sum(choice["chosen"] for choice in self._all)
        self.submit_text = text("channels.follow_selected", session.language, n=chosen) if chosen else ""
        self._filter()

    @rx.event
    async def add_chosen(self) -> Any:
        """Follow all that is chosen; one refusal does not stop the others."""
        async with acting(self) as (_, actor):
            chosen = [choice["id"] for choice in self._all if choice["chosen"]]
        self.busy = True
        yield
        added, refusal = await _follow(actor, chosen)
        self.busy, self.submit_text = False, ""
        if added:
            session = await self.get_state(SessionState)
            session._say(text("channels.added", actor.language, n=added))
            yield rx.redirect(f"{HOME}/channels/")
        if refusal is not None:
            raise refusal

    @rx.event
    async def add_link(self, form: dict[str, Any]) -> Any:
        """By @name or link; Telegram may have to be asked."""
        async with acting(self) as (_, actor):
            pass
        self.busy = True
        yield
        try:
            added = await channels.add(current(), actor, link=str(form.get("link", "")))
        finally:
            self.busy = False
        session = await self.get_state(SessionState)
        code = "channels.added" if added.channel else "channels.checking"
        session._say(text(code, actor.language, **({"n": 1} if added.channel else {})))
        yield rx.redirect(f"{HOME}/channels/")

    def _filter(self) -> None:
        self.rows = [
            choice
            for choice in self._all
            if (not self.folder or choice["folder"] == self.folder)
            and (self._query in f"{choice['title']} {choice['detail']}".casefold())
        ][:_SHOWN]


async def _follow(actor: Actor, ids: list[str]) -> tuple[int, AssistantError | None]:
    """How many were added, and the last reason why one was not."""
    added, refusal = 0, None
    for telegram_id in ids:
        try:
            await channels.add(current(), actor, telegram_id=int(telegram_id))
            added += 1
        except AlreadyExists:
            continue
        except AssistantError as error:
            refusal = error
    return added, refusal


def _choice(dialog: Dialog, followed: set[str], language: str) -> Choice:
    is_followed = str(dialog.telegram_id) in followed
    if is_followed:
        detail = text("channels.already", language)
    elif dialog.members:
        detail = counted("channels.members", language, dialog.members)
    else:
        detail = f"@{dialog.username}" if dialog.username else text("channels.private", language)
    return Choice(
        id=str(dialog.telegram_id),
        title=dialog.title,
        letter=initial(dialog.title),
        colour=colour(dialog.telegram_id),
        detail=detail,
        folder=dialog.folder or "",
        chosen=False,
        followed=is_followed,
    )


def _by_link() -> rx.Component:
    field = rx.el.input(
        name="link",
        placeholder=say("channels.by_link_placeholder"),
        aria_label=say("channels.by_link"),
        auto_complete="off",
        auto_capitalize="none",
        spell_check=False,
        class_name="tg-field",
        data_testid="add-link",
    )
    submit = rx.el.button(
        rx.cond(AddState.busy, rx.el.span(class_name="tg-spinner"), rx.fragment()),
        say("channels.by_link_submit"),
        type="submit",
        disabled=AddState.busy,
        class_name="tg-button wide soft",
        data_testid="add-link-submit",
    )
    return rx.el.form(
        section(field, header=say("channels.by_link"), footer=say("channels.by_link_hint")),
        rx.el.div(submit, class_name="tg-section"),
        on_submit=AddState.add_link,
    )


def _available(choice: Choice) -> rx.Component:
    return rx.el.button(
        avatar(choice["letter"], choice["colour"]),
        rx.el.div(
            rx.el.div(choice["title"], class_name="tg-cell-title"),
            rx.el.div(choice["detail"], class_name="tg-cell-sub"),
            class_name="tg-cell-text",
        ),
        check(choice["chosen"] | choice["followed"]),
        type="button",
        role="checkbox",
        aria_checked=rx.cond(choice["chosen"] | choice["followed"], "true", "false"),
        disabled=choice["followed"],
        on_click=AddState.toggle(choice["id"]),
        class_name="tg-cell iconed",
        data_testid="available",
        data_channel=choice["title"],
    )


def _folders() -> rx.Component:
    everything = segment(
        say("channels.all_folders"),
        AddState.folder == "",
        on_click=AddState.choose_folder(""),
        data_testid="folder",
    )
    return rx.cond(
        AddState.folders.length() > 0,
        segments(
            everything,
            rx.foreach(
                AddState.folders,
                lambda name: segment(
                    name, AddState.folder == name, on_click=AddState.choose_folder(name), data_testid="folder"
                ),
            ),
        ),
        rx.fragment(),
    )


def _from_account() -> rx.Component:
    """The account's own list with folders and search."""
    found = section(rx.foreach(AddState.rows, _available), header=say("channels.from_account"))
    nothing = empty("🔍", say("channels.not_found_title"), say("channels.not_found"))
    waiting = section(
        rx.el.div(rx.el.span(class_name="tg-spinner"), say("channels.checking"), class_name="tg-status"),
        header=say("channels.from_account"),
    )
    listed = rx.fragment(
        search_field("channels.search", on_change=AddState.search.debounce(200), data_testid="add-search"),
        _folders(),
        rx.cond(AddState.rows.length() > 0, found, nothing),
    )
    return rx.cond(AddState.checking, waiting, listed)


@page("channels/add", load=AddState.load, tab="channels", back_to=f"{HOME}/channels/")
def add_channels() -> rx.Component:
    """Choose from the account's list, or name one."""
    not_connected = empty(
        "🔌",
        say("channels.not_connected_title"),
        say("channels.not_connected"),
        link_button(say("home.start"), f"{HOME}/connect/", data_testid="add-connect"),
    )
    submit = rx.el.div(
        button(
            AddState.submit_text,
            style="wide",
            busy=AddState.busy,
            on_click=AddState.add_chosen,
            data_testid="add-selected",
        ),
        class_name="tg-floating",
    )
    return rx.cond(
        AddState.connected,
        rx.fragment(
            rx.el.h1(say("channels.add_title"), class_name="tg-title"),
            _by_link(),
            _from_account(),
            rx.cond(AddState.submit_text != "", submit, rx.fragment()),
        ),
        not_connected,
    )
