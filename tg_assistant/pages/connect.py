"""Connecting the Telegram account: a link for a second screen, or the QR itself on a desktop.

This screen never asks for the password: Telegram's terms forbid that inside a Mini App.
Test ids: connect-start, connect-link, connect-copy, connect-share, connect-link-qr, connect-qr,
connect-status, connect-cancel, connect-password, connect-done, connect-failed, connect-retry,
connect-browser, go-channels.
"""

from datetime import timedelta
from typing import Any

import reflex as rx

from tg_assistant.components import telegram
from tg_assistant.components.controls import button, link_button
from tg_assistant.components.formatting import milliseconds
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import section, steps
from tg_assistant.components.placeholders import empty
from tg_assistant.components.qr_code import qr_code, qr_picture
from tg_assistant.components.telegram import confirm_button, copy_button, share_button, telegram_link
from tg_assistant.core.access import rate_limits, revocation
from tg_assistant.core.accounts import accounts, logins
from tg_assistant.models import Login, LoginStatus
from tg_assistant.page_context import actor_transaction, count, is_live, parse_id
from tg_assistant.state import HOME, SessionState
from tg_assistant.template import page
from tg_assistant.texts import text
from tg_assistant.web.process import current

_LIVE = (LoginStatus.pending, LoginStatus.awaiting_scan, LoginStatus.password_required)
_FAILURES = {  # failures that have their own text, with their picture
    "access_ended": "🚪",
    "ownership_mismatch": "🙅",
    "flood_wait": "⏳",
    "password_attempts": "🔑",
    "telegram_unavailable": "📡",
    "expired": "⌛",
    "cancelled": "👌",
}


class ConnectState(rx.State):
    """One attempt to connect. `status` is the login's, idle (none yet) or already (an account is connected).

    SQL stores only a hash of the link, so without its state the screen offers a new link.
    """

    status: str = "idle"
    failure: str = ""
    link: str = ""
    link_qr: str = ""
    login_qr: str = ""
    until: int = 0
    opened: bool = False
    _kept_login: str = ""
    _kept_link: str = ""

    @rx.event
    async def load(self) -> Any:
        async with actor_transaction(self) as (db, actor):
            connected = await accounts.own(db, actor)
            login = None if connected else await logins.newest(db, actor)
        if connected is not None:
            self.status = "already"
        elif login is not None and login.status in _LIVE:
            self._show(login)
            return [SessionState.loaded, ConnectState.follow]
        elif self.status not in ("failed", "expired", "cancelled"):
            self.status = "idle"
        return SessionState.loaded

    @rx.event
    async def start(self) -> Any:
        """Start a new attempt with a new link; cancel the previous one."""
        async with actor_transaction(self) as (db, actor):
            await count(self, actor, rate_limits.Rule.qr_start)
            if self._kept_login and self.status in _LIVE:
                await logins.cancel(db, actor, parse_id(self._kept_login, "logins.not_found"))
            settings = current().settings
            started = await logins.start(db, actor, ttl=settings.security.qr_ttl_seconds)
        self._kept_login = str(started.login.id)
        self._kept_link = f"{settings.web.public_url}/tg/connect/{started.link_token}"
        self._show(started.login)
        return ConnectState.follow

    @rx.event(background=True)
    async def follow(self) -> Any:
        """Show each step that ingest writes while this socket and this attempt are the current ones."""
        async with self:
            async with actor_transaction(self) as (_, actor):
                login_id = self._kept_login
                wanted = parse_id(login_id, "logins.not_found")
            sid = self.router.session.session_id
        async for login in revocation.watched(current(), actor, logins.watch(current(), actor, wanted)):
            async with self:
                if self._kept_login != login_id or not is_live(self, sid):
                    return
                self._show(login)
                if login.status == LoginStatus.authorized:
                    session = await self.get_state(SessionState)
                    session._feel("success")

    @rx.event
    async def cancel(self) -> None:
        async with actor_transaction(self) as (db, actor):
            self._show(await logins.cancel(db, actor, parse_id(self._kept_login, "logins.not_found")))

    @rx.event
    async def copied(self) -> None:
        session = await self.get_state(SessionState)
        session._say(text("login.copied", session.language))

    def _show(self, login: Login) -> None:
        if self._kept_login != str(login.id):
            self._kept_login, self._kept_link = str(login.id), ""
        if self.link != self._kept_link:
            self.link = self._kept_link
            self.link_qr = qr_picture(self.link) if self.link else ""
        self.status = login.status
        self.opened = login.page_hash is not None
        self.login_qr = qr_picture(login.qr_url) if login.qr_url else ""
        if login.status in (LoginStatus.expired, LoginStatus.cancelled):
            self.failure = login.status
        else:
            self.failure = login.reason if login.reason in _FAILURES else "other"
        ends = login.expires_at
        if login.retry_after:
            ends = login.updated_at + timedelta(seconds=login.retry_after)
        self.until = milliseconds(ends)


def _status() -> rx.Component:
    waiting = rx.cond(
        ConnectState.opened | (SessionState.device == "desktop"),
        say("login.waiting_scan"),
        say("login.waiting_link"),
    )
    left = rx.el.span(say("login.expires_in"), " ", telegram.countdown(until=ConnectState.until))
    return rx.el.div(
        rx.el.div(
            rx.el.span(class_name="tg-spinner"),
            rx.match(
                ConnectState.failure,
                ("telegram_unavailable", say("login.waiting_telegram")),
                ("flood_wait", say("login.waiting_flood")),
                rx.cond(ConnectState.status == "pending", say("login.preparing"), waiting),
            ),
        ),
        left,
        class_name="tg-status two",
        role="status",
        data_testid="connect-status",
        data_status=ConnectState.status,
    )


def _link() -> rx.Component:
    """The one-time link, with buttons to copy and share it; a button for a new link once it is used."""
    buttons = rx.el.div(
        copy_button(
            say("login.copy"),
            text=ConnectState.link,
            on_copied=ConnectState.copied,
            class_name="tg-button soft",
            data_testid="connect-copy",
        ),
        share_button(
            say("login.share"),
            url=ConnectState.link,
            text=say("login.share_text"),
            class_name="tg-button soft",
            data_testid="connect-share",
        ),
        class_name="tg-pair",
        style={"padding": "0 16px 16px"},
    )
    shown = section(
        rx.el.div(ConnectState.link, class_name="tg-link", data_testid="connect-link"),
        buttons,
        header=say("login.link_header"),
        footer=say("login.link_hint"),
    )
    again = button(
        say("login.new_link"), style="wide plain", on_click=ConnectState.start, data_testid="connect-retry"
    )
    return rx.cond((ConnectState.link != "") & ~ConnectState.opened, shown, again)


def _on_phone() -> rx.Component:
    own_qr = section(
        qr_code(ConnectState.link_qr, "login.link_qr_alt", "connect-link-qr"),
        rx.el.div(say("login.link_qr"), class_name="tg-status"),
    )
    return rx.fragment(
        rx.el.p(say("login.lead_phone"), class_name="tg-lead"),
        rx.cond(ConnectState.opened, rx.fragment(), _link()),
        section(_status()),
        steps("login.steps_header", "login.step_open", "login.step_settings", "login.step_scan"),
        rx.cond((ConnectState.link_qr != "") & ~ConnectState.opened, own_qr, rx.fragment()),
        rx.cond(ConnectState.opened, _link(), rx.fragment()),
    )


def _on_desktop() -> rx.Component:
    code = qr_code(ConnectState.login_qr, "login.qr_alt", "connect-qr")
    return rx.fragment(
        rx.el.p(say("login.lead_desktop"), class_name="tg-lead"),
        section(code, _status()),
        steps("login.steps_header", "login.step_settings", "login.step_scan"),
        _link(),
    )


def _cancel() -> rx.Component:
    return confirm_button(
        say("login.cancel"),
        message=say("login.cancel_confirm"),
        on_confirm=ConnectState.cancel,
        class_name="tg-button danger wide",
        data_testid="connect-cancel",
    )


def _live() -> rx.Component:
    """A running attempt: instructions, time left, cancellation."""
    return rx.fragment(
        rx.el.h1(say("login.title"), class_name="tg-title"),
        rx.cond(SessionState.device == "phone", _on_phone(), _on_desktop()),
        _cancel(),
    )


def _password() -> rx.Component:
    look = {"class_name": "tg-button", "data_testid": "connect-browser"}
    in_browser = telegram_link(say("login.open_browser"), href=ConnectState.link, **look)
    show_link = (ConnectState.link != "") & ~ConnectState.opened
    return rx.fragment(
        empty(
            "🔐",
            say("login.password_title"),
            rx.cond(ConnectState.opened, say("login.password_phone"), say("login.password_desktop")),
            rx.cond(show_link, in_browser, rx.fragment()),
            testid="connect-password",
        ),
        rx.cond(ConnectState.opened, rx.fragment(), _link()),
        _cancel(),
    )


def _failed() -> rx.Component:
    """The reason for the failure, in words, and a button to try again."""
    retry = button(say("app.retry"), on_click=ConnectState.start, data_testid="connect-retry")

    def shown(reason: str, picture: str) -> rx.Component:
        actions = [retry]
        if reason == "flood_wait":
            actions = [telegram.countdown(until=ConnectState.until, class_name="tg-title"), retry]
        return empty(
            picture,
            say(f"login.failed.{reason}_title"),
            say(f"login.failed.{reason}"),
            *actions,
            testid="connect-failed",
        )

    cases = [(reason, shown(reason, picture)) for reason, picture in _FAILURES.items()]
    return rx.match(ConnectState.failure, *cases, shown("other", "🧩"))


def _done(title: str, sentence: str) -> rx.Component:
    choose = link_button(say("login.choose_channels"), f"{HOME}/channels/add/", data_testid="go-channels")
    return empty("✅", say(title), say(sentence), choose, testid="connect-done")


def _native() -> dict[str, Any]:
    return {"closing": rx.Var.create([*_LIVE]).contains(ConnectState.status)}


@page("connect", load=ConnectState.load, back_to=HOME + "/", native=_native)
def connect() -> rx.Component:
    """Idle, running, waiting for the password, done or failed."""
    start = button(say("login.start"), on_click=ConnectState.start, data_testid="connect-start")
    return rx.match(
        ConnectState.status,
        ("idle", empty("📱", say("login.intro_title"), say("login.intro"), start, testid="connect-intro")),
        ("already", _done("login.already_title", "login.already")),
        ("authorized", _done("login.authorized_title", "login.authorized")),
        ("password_required", _password()),
        ("pending", _live()),
        ("awaiting_scan", _live()),
        _failed(),
    )
