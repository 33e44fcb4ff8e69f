"""Adding channels: from the account's own list, or by @name or link.

Test ids: add-link, add-link-submit, add-search, folder, available (one per row, with data-channel),
add-selected, add-connect, add-again, add-refresh, list-age, empty.
"""

from contextlib import suppress
from typing import Any

import reflex as rx

from tg_assistant.components.channel_picker import Choice, choice_of, choice_row, folder_segments
from tg_assistant.components.controls import button, link_button, search_field
from tg_assistant.components.formatting import ago
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import section
from tg_assistant.components.placeholders import empty
from tg_assistant.components.telegram import kept_field
from tg_assistant.core.accounts import accounts
from tg_assistant.core.actor import Actor
from tg_assistant.core.channels import channels, dialogs
from tg_assistant.core.names import Topic
from tg_assistant.errors import AlreadyExists, AssistantError, Unavailable
from tg_assistant.models import Dialog
from tg_assistant.page_context import actor_transaction, is_live
from tg_assistant.state import HOME, SessionState
from tg_assistant.template import page
from tg_assistant.texts import text
from tg_assistant.web import process
from tg_assistant.web.process import current

_ADDRESS = f"{HOME}/channels/add"
_SHOWN = 200
_AGE_SECONDS = 30  # between two times that the list's age is said anew


class AddState(rx.State):
    """The channels to choose from, and those chosen. `listing`: checking, listed, or failed.

    The choice survives a lost connection; ids that are not in the person's own list have no effect.
    """

    rows: list[Choice] = []  # noqa: RUF012 - Reflex copies defaults
    folders: list[str] = []  # noqa: RUF012
    folder: str = ""
    connected: bool = True
    listing: str = "checking"
    busy: bool = False
    submit_text: str = ""
    age: str = ""  # when the list was read, in words
    _all: list[Choice] = []  # noqa: RUF012
    _query: str = ""
    _kept_chosen: list[str] = []  # noqa: RUF012

    @rx.event
    async def load(self) -> Any:
        self._query = self.folder = ""
        async with actor_transaction(self) as (db, actor):
            self.connected = await accounts.own(db, actor) is not None
        if not self.connected:
            return SessionState.loaded
        return [SessionState.loaded, AddState.list_available]

    @rx.event(background=True)
    async def list_available(self) -> Any:
        """Show the account's list while this screen is open: read again if it is old, and after each change.

        This may wait for Telegram, without blocking other events.
        """
        async with self:
            sid, self.listing = self.router.session.session_id, "listed" if self._all else "checking"
            async with actor_transaction(self) as (_, actor):
                pass
        async with current().events.listening(Topic.dialogs, str(actor.user_id)) as changed:
            await _read(self, sid)
            while True:
                changed.clear()
                async with self:
                    if not is_live(self, sid) or self.router.url.path.rstrip("/") != _ADDRESS:
                        return
                    with suppress(Unavailable):  # the database is restarting: the next look shows all changes
                        await self._show_kept()
                await changed.within(_AGE_SECONDS)

    @rx.event(background=True)
    async def refresh(self) -> Any:
        """Read the list from Telegram now. Raises LimitReached when that was done a moment ago."""
        async with self:
            sid, self.busy = self.router.session.session_id, True
        try:
            await _read(self, sid, refresh=True)
        finally:
            async with self:
                self.busy = False

    @rx.event
    async def search(self, query: str) -> None:
        self._query = query[:100].casefold().strip()
        await self._show()

    @rx.event
    async def choose_folder(self, folder: str) -> None:
        self.folder = folder if folder in self.folders else ""
        await self._show()

    @rx.event
    async def toggle(self, channel_id: str) -> None:
        if channel_id not in [one["id"] for one in self._all]:
            return
        others = [one for one in self._kept_chosen if one != channel_id]
        self._kept_chosen = others if channel_id in self._kept_chosen else [*others, channel_id]
        await self._show()

    @rx.event
    async def add_chosen(self) -> Any:
        """Follow all chosen channels; one refusal does not stop the others. Raises the last refusal."""
        async with actor_transaction(self) as (_, actor):
            chosen = self._chosen()
        self.busy = True
        yield
        added, refusal = await _follow(actor, chosen)
        self.busy, self.submit_text, self._kept_chosen = False, "", []
        if added:
            session = await self.get_state(SessionState)
            session._say(text("channels.added", actor.language, n=added))
            yield rx.redirect(f"{HOME}/channels/")
        if refusal is not None:
            raise refusal

    @rx.event
    async def add_link(self, form: dict[str, Any]) -> Any:
        """Follow a channel by @name or link; this may wait for Telegram."""
        async with actor_transaction(self) as (_, actor):
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

    def _chosen(self) -> list[str]:
        """The ids of chosen channels that are in the list and not already followed."""
        return [one["id"] for one in self._all if one["id"] in self._kept_chosen and not one["followed"]]

    async def _show_kept(self) -> None:
        """Show the list as it is stored, and its age."""
        async with actor_transaction(self) as (db, actor):
            followed = {str(each) for each in await channels.telegram_ids(db, actor)}
            listed, read_at = await dialogs.kept(db, actor)
        when = ago(read_at or process.now(), actor.language)
        self.age = text("channels.list_age", actor.language, when=when)
        self._all = [choice_of(dialog, followed, actor.language) for dialog in listed]
        self.folders = list(dict.fromkeys(one["folder"] for one in self._all if one["folder"]))
        self.listing = "listed"
        await self._show()

    async def _show(self) -> None:
        session = await self.get_state(SessionState)
        chosen = self._chosen()
        count = len(chosen)
        self.submit_text = text("channels.follow_selected", session.language, n=count) if count else ""
        self.rows = [
            Choice({**choice, "chosen": choice["id"] in chosen})
            for choice in self._all
            if (not self.folder or choice["folder"] == self.folder)
            and (self._query in f"{choice['title']} {choice['detail']}".casefold())
        ][:_SHOWN]


async def _read(state: AddState, sid: str, *, refresh: bool = False) -> None:
    """Wait until there is a list, or on `refresh` a new one. Raises what `_listed` does."""
    async with state, actor_transaction(state) as (_, actor):
        pass
    try:
        await _listed(state, actor, sid, refresh)
    except AssistantError:
        async with state:
            state.listing = "listed" if state._all else "failed"
        raise


async def _listed(state: AddState, actor: Actor, sid: str, refresh: bool) -> list[Dialog]:
    """The account's channels, as soon as Telegram has answered; stops waiting once the screen is closed.

    Raises Unavailable and whatever else `dialogs.available` raises.
    """
    while True:
        try:
            return await dialogs.available(current(), actor, refresh=refresh)
        except Unavailable as error:
            async with state:
                if error.code != "channels.checking" or not is_live(state, sid):
                    raise


async def _follow(actor: Actor, ids: list[str]) -> tuple[int, AssistantError | None]:
    """The number of channels added, and the last error; channels already followed are skipped."""
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


def _by_link() -> rx.Component:
    field = kept_field(
        keep="link",
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


def _from_account() -> rx.Component:
    """The account's own list with folders and search, or the reason for its absence."""
    anew = button(
        say("channels.refresh"),
        style="soft small",
        busy=AddState.busy,
        on_click=AddState.refresh,
        data_testid="add-refresh",
    )
    found = section(
        rx.foreach(AddState.rows, lambda one: choice_row(one, on_toggle=AddState.toggle)),
        header=say("channels.from_account"),
        action=anew,
        footer=rx.el.span(AddState.age, data_testid="list-age"),
    )
    nothing = empty("🔍", say("channels.not_found_title"), say("channels.not_found"))
    waiting = section(
        rx.el.div(rx.el.span(class_name="tg-spinner"), say("channels.checking"), class_name="tg-status lone"),
        header=say("channels.from_account"),
    )
    again = button(
        say("app.try_again"), style="soft", on_click=AddState.list_available, data_testid="add-again"
    )
    failed = empty("📡", say("channels.unlisted_title"), say("channels.unlisted"), again, testid="unlisted")
    search = search_field("channels.search", on_typed=AddState.search.debounce(200), data_testid="add-search")
    folders = folder_segments(AddState.folders, AddState.folder, on_choose=AddState.choose_folder)
    listed = rx.fragment(search, folders, rx.cond(AddState.rows.length() > 0, found, nothing))
    return rx.match(AddState.listing, ("checking", waiting), ("failed", failed), listed)


@page("channels/add", load=AddState.load, tab="channels", back_to=f"{HOME}/channels/")
def add_channels() -> rx.Component:
    """Choose from the account's list, or enter a name or link."""
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
