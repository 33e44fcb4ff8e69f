"""Components shared by the admin panel's screens: tabs of sections, paginated lists, facts."""

from typing import Any

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

from tg_assistant.components.controls import button
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import cell, section
from tg_assistant.components.telegram import scrolled_row
from tg_assistant.state import PANEL

_SECTIONS = ("", "people", "invites", "channels", "queue", "trail", "switches")


def panel_tabs(active: str) -> rx.Component:
    """One tab for each section. Test ids: panel-overview, panel-people, …"""
    tabs = [
        ReactRouterLink.create(
            say(f"admin.tab_{name or 'overview'}"),
            href=f"{PANEL}/{name}/".replace("//", "/"),
            class_name="tg-segment on" if name == active else "tg-segment",
            aria_current="page" if name == active else "false",
            data_testid=f"panel-{name or 'overview'}",
        )
        for name in _SECTIONS
    ]
    return scrolled_row(*tabs, class_name="tg-segments panel")


def more(cursor: Any, on_click: Any) -> rx.Component:
    """A button for the next page of a list, if there is one. Test id: more."""
    onward = button(say("admin.more"), style="soft wide", on_click=on_click, data_testid="more")
    return rx.cond(cursor != "", rx.el.div(onward, class_name="tg-section"), rx.fragment())


def listed(rows: Any, row: Any, *, header: Any, nothing: str, footer: Any = None) -> rx.Component:
    """A section of rows, or a line in grey that says why there are none (`nothing` is a text code)."""
    none = section(cell(say(nothing), style="quiet", data_testid="none"), header=header)
    return rx.cond(rows.length() > 0, section(rx.foreach(rows, row), header=header, footer=footer), none)


def fact(title: Any, value: Any, **props: Any) -> rx.Component:
    """A row with a name at the left and its value at the right."""
    return cell(title, right=rx.el.span(value, class_name="tg-cell-value"), style="wrapped", **props)
