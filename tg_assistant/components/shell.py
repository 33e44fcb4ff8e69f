"""Components around every screen: tab bar, notices, offline banner, error boundary."""

from typing import Any

import reflex as rx
from reflex_components_core.base.error_boundary import ErrorBoundary
from reflex_components_core.core.banner import has_connection_errors
from reflex_components_core.react_router.dom import ReactRouterLink

from tg_assistant.components.i18n import in_browser, say
from tg_assistant.components.icons import icon
from tg_assistant.components.placeholders import empty
from tg_assistant.components.telegram import reload_button, snackbar
from tg_assistant.state import HOME, SessionState

_TABS = (("ask", "chat"), ("channels", "channels"), ("sessions", "devices"))


def tab_bar(active: str) -> rx.Component:
    """Ask, Channels, Sessions. Test ids: tab-ask, tab-channels, tab-sessions."""
    tabs = [
        ReactRouterLink.create(
            icon(picture),
            rx.el.span(say(f"tabs.{name}")),
            href=f"{HOME}/{name}/",
            class_name="tg-tab on" if name == active else "tg-tab",
            aria_current="page" if name == active else "false",
            data_testid=f"tab-{name}",
        )
        for name, picture in _TABS
    ]
    return rx.el.nav(*tabs, class_name="tg-tabs")


def notice() -> rx.Component:
    """The newest notice, above the tab bar. Test ids: notice, notice-close.

    Hidden while the phase is `failed`: that screen shows the error itself.
    """
    said = SessionState.notice
    bar = snackbar(text=said["text"], kind=said["kind"], number=said["number"], close_label=say("app.ok"))
    return rx.cond(SessionState.phase == "failed", rx.fragment(), bar)


def offline_banner() -> rx.Component:
    """A banner that is shown while the socket is disconnected. Test id: offline-banner."""
    banner = rx.el.div(
        rx.el.span(class_name="tg-spinner"),
        say("app.reconnecting"),
        class_name="tg-offline",
        role="status",
        data_testid="offline-banner",
    )
    return rx.cond(has_connection_errors, banner, rx.fragment())


def error_boundary(*children: Any) -> rx.Component:
    """Show a sentence and a reload button after a rendering error, not a blank page. Test id: crashed."""
    again = reload_button(in_browser("app.reload"), class_name="tg-button", data_testid="reload")
    sentences = in_browser("app.crashed_title"), in_browser("app.crashed")
    fallback = rx.Var.create(
        rx.el.main(empty("🧩", *sentences, again, testid="crashed"), class_name="tg-page bare")
    )
    return ErrorBoundary.create(*children, fallback_render=fallback)
