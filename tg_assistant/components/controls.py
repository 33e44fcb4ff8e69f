"""Buttons, switch, segments, search, progress: one look everywhere."""

from typing import Any

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

from tg_assistant.components.i18n import say
from tg_assistant.components.icons import icon
from tg_assistant.components.telegram import kept_field


def button(label: Any, *, style: str = "", busy: Any = None, **props: Any) -> rx.Component:
    """A filled button; `style` is any combination of soft, plain, danger, small and wide.

    `busy` (a Var) shows a spinner and disables the button.
    """
    content: Any = label
    if busy is not None:
        content = rx.fragment(rx.cond(busy, rx.el.span(class_name="tg-spinner"), rx.fragment()), label)
        props["disabled"] = busy
    return rx.el.button(content, type="button", class_name=f"tg-button {style}", **props)


def link_button(label: Any, href: Any, *, style: str = "", **props: Any) -> rx.Component:
    """A button that opens another page of the app without reloading it."""
    return ReactRouterLink.create(label, href=href, class_name=f"tg-button {style}", **props)


def switch(on: Any, label: Any, **props: Any) -> rx.Component:
    """Telegram's switch; `label` is for screen readers."""
    return rx.el.button(
        type="button",
        role="switch",
        aria_checked=rx.cond(on, "true", "false"),
        aria_label=label,
        class_name="tg-switch",
        **props,
    )


def segment(label: Any, on: Any, **props: Any) -> rx.Component:
    """One choice of a segmented control."""
    return rx.el.button(label, type="button", class_name=rx.cond(on, "tg-segment on", "tg-segment"), **props)


def segments(*choices: Any) -> rx.Component:
    return rx.el.div(*choices, class_name="tg-segments", role="group")


def search_field(placeholder: str, **props: Any) -> rx.Component:
    """A search field; `placeholder` is a text code, and the key that stores its text (`KeptField`).

    `on_typed` receives the text.
    """
    field = kept_field(
        keep=placeholder,
        type="search",
        placeholder=say(placeholder),
        aria_label=say(placeholder),
        class_name="tg-field",
        auto_complete="off",
        **props,
    )
    return rx.el.label(icon("search"), field, class_name="tg-search")


def progress(share: Any) -> rx.Component:
    """A thin bar; `share` is 0…1."""
    scale = rx.Var.create("scaleX(") + share.to_string() + ")"
    return rx.el.div(rx.el.div(style={"transform": scale}), class_name="tg-progress", role="progressbar")


def check(on: Any) -> rx.Component:
    return rx.el.span(icon("check"), class_name=rx.cond(on, "tg-check on", "tg-check"))
