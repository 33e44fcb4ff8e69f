"""The linked Telegram account, sign-ins of the app, the language.

Test ids: account, safety (one per line), account-log-out, account-connect, app-session, app-session-end,
language-ru, language-en, open-panel.
"""

from typing import Any, TypedDict
from uuid import UUID

import reflex as rx

from tg_assistant.components import safety_text
from tg_assistant.components.controls import segment
from tg_assistant.components.devices import device_name
from tg_assistant.components.formatting import ago
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import cell, chevron, round_icon, section
from tg_assistant.components.telegram import confirm_button
from tg_assistant.core.access import sessions, sign_in
from tg_assistant.core.accounts import accounts, safety
from tg_assistant.errors import NotFound
from tg_assistant.models import Account, AccountStatus, AppSession, Role
from tg_assistant.page_context import actor_transaction, parse_id
from tg_assistant.state import HOME, PANEL, SessionState
from tg_assistant.template import page
from tg_assistant.texts import date, text
from tg_assistant.web.process import current


class Linked(TypedDict):
    """A linked Telegram account."""

    id: str
    device: str
    detail: str
    ended: bool


class SignIn(TypedDict):
    """All sign-ins on one device; `id` is the first listed one's, `several` whether there are others."""

    id: str
    device: str
    detail: str
    current: bool
    several: bool


class SessionsState(rx.State):
    """Linked accounts and sign-ins."""

    accounts: list[Linked] = []  # noqa: RUF012 - Reflex copies defaults
    sign_ins: list[SignIn] = []  # noqa: RUF012
    safety: list[str] = []  # noqa: RUF012
    leaving: bool = False
    administers: bool = False

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return SessionState.loaded

    @rx.event
    async def log_out(self, account_id: str) -> Any:
        """Log out, also at Telegram; if that takes long, a notice says that it is still in progress."""
        async with actor_transaction(self) as (_, actor):
            wanted = parse_id(account_id, "accounts.not_found")
        self.leaving = True
        yield
        try:
            done = await accounts.disconnect(current(), actor, wanted)
        finally:
            self.leaving = False
        session = await self.get_state(SessionState)
        session._say(text("sessions.logged_out" if done else "sessions.logging_out", actor.language))
        await self._read()

    @rx.event
    async def end(self, session_id: str) -> None:
        """End every sign-in on the device of `session_id`, except the current one.

        Raises NotFound if it is not a sign-in of this person.
        """
        async with actor_transaction(self) as (db, actor):
            listed = await sessions.list_(db, actor)
            device = next((_device(one) for one in listed if str(one.id) == session_id), None)
            if device is None:
                raise NotFound("sessions.not_found")
            for one in listed:
                if _device(one) == device and one.id != actor.session_id:
                    await sessions.end(db, actor, one.id)
        session = await self.get_state(SessionState)
        session._say(text("sessions.end_done", actor.language))
        await self._read()

    @rx.event
    async def choose_language(self, language: str) -> None:
        async with actor_transaction(self) as (db, actor):
            await sign_in.set_language(db, actor, "ru" if language == "ru" else "en")
        session = await self.get_state(SessionState)
        session.language = "ru" if language == "ru" else "en"
        await self._read()

    async def _read(self) -> None:
        async with actor_transaction(self) as (db, actor):
            self.administers = actor.role in (Role.admin, Role.owner)
            self.accounts = [_linked(account, actor.language) for account in await accounts.list_(db, actor)]
            # one line per device: the current one first, then by last use
            devices: dict[tuple[str, str], list[AppSession]] = {}
            for one in sorted(await sessions.list_(db, actor), key=lambda one: one.id != actor.session_id):
                devices.setdefault(_device(one), []).append(one)
            alike = devices.values()
            self.sign_ins = [_sign_in(each, actor.session_id, actor.language) for each in alike]
        measured = await safety.of_own(current(), actor) if actor.tenant_id else []
        self.safety = [line for one in measured for line in safety_text.lines(one, actor.language)]


def _linked(account: Account, language: str) -> Linked:
    ended = account.status == AccountStatus.ended
    since = text("sessions.connected_since", language, when=date(account.connected_at, language))
    return Linked(
        id=str(account.id),
        device=text("sessions.account_name", language),  # the name in Telegram's list of devices
        detail=text("sessions.ended", language) if ended else since,
        ended=ended,
    )


def _device(one: AppSession) -> tuple[str, str]:
    """The key by which sign-ins are grouped into devices: the door and the device's name."""
    return one.door, device_name(one.device)


def _sign_in(alike: list[AppSession], own: UUID | None, language: str) -> SignIn:
    newest, current = alike[0], alike[0].id == own
    name = device_name(newest.device) or text("sessions.device_unknown", language)
    seen = text("sessions.last_seen", language, when=ago(newest.last_seen_at, language))
    detail = [text("sessions.current", language) if current else seen]
    if newest.door == "admin":
        detail.append(text("sessions.admin_panel", language))
    if len(alike) > 1:
        detail.append(text("sessions.sign_ins", language, n=len(alike)))
    return SignIn(
        id=str(newest.id), device=name, detail=" · ".join(detail), current=current, several=len(alike) > 1
    )


def _account(account: Linked) -> rx.Component:
    detail = rx.el.div(
        account["detail"], class_name=rx.cond(account["ended"], "tg-cell-sub error", "tg-cell-sub")
    )
    icon = rx.cond(account["ended"], round_icon("warning", "bad"), round_icon("phone", "good"))
    shown = rx.el.div(
        icon,
        rx.el.div(
            rx.el.div(account["device"], class_name="tg-cell-title"), detail, class_name="tg-cell-text"
        ),
        class_name="tg-cell iconed",
        data_testid="account",
        data_ended=account["ended"].to_string(),
    )
    leave = confirm_button(
        rx.cond(SessionsState.leaving, rx.el.span(class_name="tg-spinner"), rx.fragment()),
        rx.el.div(say("sessions.log_out"), class_name="tg-cell-title"),
        message=say("sessions.log_out_confirm"),
        on_confirm=SessionsState.log_out(account["id"]),
        disabled=SessionsState.leaving,
        class_name="tg-cell danger",
        data_testid="account-log-out",
    )
    return rx.fragment(shown, rx.cond(account["ended"], _connect_again(), leave))


def _connect_again() -> rx.Component:
    return cell(
        say("sessions.connect"), style="accent", href=f"{HOME}/connect/", data_testid="account-connect"
    )


def _signed_in(one: SignIn) -> rx.Component:
    end = confirm_button(
        say("sessions.end"),
        message=rx.cond(one["current"], say("sessions.end_others_confirm"), say("sessions.end_confirm")),
        on_confirm=SessionsState.end(one["id"]),
        class_name="tg-button danger small",
        data_testid="app-session-end",
    )
    return rx.el.div(
        round_icon("devices"),
        rx.el.div(
            rx.el.div(one["device"], class_name="tg-cell-title wrap"),
            rx.el.div(one["detail"], class_name="tg-cell-sub"),
            class_name="tg-cell-text",
        ),
        rx.cond(~one["current"] | one["several"], end, rx.fragment()),
        key=one["id"],
        class_name="tg-cell iconed",
        data_testid="app-session",
    )


def _safety() -> rx.Component:
    """What the account's budget is used for, and what waits."""
    return section(
        rx.foreach(SessionsState.safety, lambda line: cell(line, style="wrapped", data_testid="safety")),
        header=say("safety.title"),
        footer=say("safety.footer"),
    )


def _language() -> rx.Component:
    return section(
        cell(
            say("sessions.language"),
            right=rx.el.div(
                *(
                    segment(
                        name,
                        SessionState.language == code,
                        on_click=SessionsState.choose_language(code),
                        data_testid=f"language-{code}",
                    )
                    for code, name in (("ru", "Русский"), ("en", "English"))
                ),
                class_name="tg-inline",
            ),
        ),
    )


def _administration() -> rx.Component:
    way = cell(
        say("admin.open"),
        subtitle=say("admin.open_hint"),
        left=round_icon("shield"),
        right=chevron(),
        href=f"{PANEL}/",
        data_testid="open-panel",
    )
    return rx.cond(SessionsState.administers, section(way), rx.fragment())


@page("sessions", load=SessionsState.load, tab="sessions")
def sessions_page() -> rx.Component:
    """The linked account first, then the sign-ins."""
    none = section(
        cell(say("sessions.none_title"), subtitle=say("sessions.none"), left=round_icon("phone")),
        _connect_again(),
        header=say("sessions.account"),
    )
    some = section(
        rx.foreach(SessionsState.accounts, _account),
        header=say("sessions.account"),
        footer=say("sessions.account_footer"),
    )
    return rx.fragment(
        rx.el.h1(say("sessions.title"), class_name="tg-title"),
        rx.cond(SessionsState.accounts.length() > 0, some, none),
        rx.cond(SessionsState.safety.length() > 0, _safety(), rx.fragment()),
        _language(),
        _administration(),
        section(
            rx.foreach(SessionsState.sign_ins, _signed_in),
            header=say("sessions.app"),
            footer=say("sessions.app_footer"),
        ),
    )
