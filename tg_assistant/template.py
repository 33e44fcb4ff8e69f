"""Decorators that register a screen: its route, its loader, its guard and the frame around it."""

from collections.abc import Callable
from typing import Any, cast

import reflex as rx

from tg_assistant.components.i18n import say
from tg_assistant.components.panel import panel_tabs
from tg_assistant.components.placeholders import failed, link_needed, offline, outside, reopen, skeleton
from tg_assistant.components.shell import error_boundary, notice, offline_banner, tab_bar
from tg_assistant.components.telegram import bridge
from tg_assistant.state import HOME, LOADERS, PANEL, SessionState
from tg_assistant.texts import text

View = Callable[[], rx.Component]


def page(
    route: str,
    *,
    load: Any,
    tab: str = "",
    back_to: str = "",
    guest: View = skeleton,
    native: Callable[[], dict[str, Any]] = dict,
) -> Callable[[View], View]:
    """Register a screen below `/tg/app`. `load` reads its data from SQL and ends in `SessionState.loaded`.

    `guest` is the view for a person without a membership; `native` returns further properties of the bridge.
    """
    address = f"{HOME}/{route}".rstrip("/")

    def register(view: View) -> View:
        LOADERS[address] = load

        def framed() -> rx.Component:
            return _frame(view, address, tab=tab, back_to=back_to, guest=guest, native=native())

        framed.__name__ = view.__name__
        rx.page(route=address, title=say("app.name"), on_load=SessionState.page_opened)(framed)
        return view

    return register


def panel_page(route: str, *, load: Any) -> Callable[[View], View]:
    """Register a screen of the admin panel below `/admin`: in a browser, or inside the Mini App.

    Core raises NotAllowed for anybody but admins; the screen then shows only that error.
    """
    address = f"{PANEL}/{route}".rstrip("/")

    def register(view: View) -> View:
        LOADERS[address] = load

        def framed() -> rx.Component:
            return _panel_frame(view, route, address)

        framed.__name__ = view.__name__
        rx.page(route=address, title=say("admin.title"), on_load=SessionState.page_opened)(framed)
        return view

    return register


def open_page(route: str, *, load: Any = None, style: str = "tg-page bare") -> Callable[[View], View]:
    """Register a page without sign-in, guard or tabs; its sentences come from `in_browser`."""

    def register(view: View) -> View:
        def framed() -> rx.Component:
            return error_boundary(rx.el.main(view(), class_name=style))

        framed.__name__ = view.__name__
        rx.page(route=route, title=text("app.name", "en"), on_load=load)(framed)
        return view

    return register


def _panel_frame(view: View, active: str, address: str) -> rx.Component:
    ready = rx.fragment(rx.el.h1(say("admin.title"), class_name="tg-title"), panel_tabs(active), view())
    return error_boundary(
        _bridge(back_to=f"{HOME}/sessions/"),
        rx.el.main(_screen(address, ready, link_needed()), class_name="tg-page bare panel"),
        notice(),
        offline_banner(),
    )


def _screen(address: str, ready: rx.Component, guest: rx.Component) -> Any:
    """The content of the screen in each of the session's phases."""
    # a screen not yet loaded on this socket is a skeleton from the tap on, before the server's phase arrives:
    # it would be shown as empty meanwhile, and lose what is typed in it
    return rx.match(
        SessionState.phase,
        ("ready", rx.cond(cast(Any, SessionState.built).contains(address), ready, skeleton())),
        ("failed", failed()),
        ("invite", guest),
        ("reopen", reopen()),
        ("outside", outside()),
        ("offline", offline()),
        ("link", link_needed()),
        skeleton(),
    )


def _frame(
    view: View, address: str, *, tab: str, back_to: str, guest: View, native: dict[str, Any]
) -> rx.Component:
    # the tabs stay while another screen loads: otherwise they would flicker at each first visit
    going_on = (SessionState.phase == "loading") & (cast(Any, SessionState.built).length() > 0)
    shown = (SessionState.phase == "ready") | going_on
    tabs = rx.cond(shown, tab_bar(tab), rx.fragment()) if tab else rx.fragment()
    return error_boundary(
        _bridge(**({"back_to": back_to} | native)),
        rx.el.main(_screen(address, view(), guest()), class_name="tg-page" if tab else "tg-page bare"),
        tabs,
        notice(),
        offline_banner(),
    )


def _bridge(**native: Any) -> rx.Component:
    return bridge(
        challenge=SessionState.challenge,
        refusals=SessionState.refusals,
        language=SessionState.language,
        haptic=SessionState.haptic,
        on_present=SessionState.present,
        on_failure=SessionState.refused,
        **native,
    )
