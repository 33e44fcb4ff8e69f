"""Sections and cells: Telegram's screens consist of lists."""

from typing import Any

import reflex as rx
from reflex_components_core.react_router.dom import ReactRouterLink

from tg_assistant.components.i18n import say
from tg_assistant.components.icons import icon


def section(*cells: Any, header: Any = None, footer: Any = None, action: Any = None) -> rx.Component:
    """A card of cells with a header above (`action` at its right) and a hint below (`footer`)."""
    head = rx.el.div(rx.el.span(header), action or rx.fragment(), class_name="tg-section-head")
    return rx.el.section(
        head if header is not None else rx.fragment(),
        rx.el.div(*cells, class_name="tg-card"),
        rx.el.div(footer, class_name="tg-section-foot") if footer is not None else rx.fragment(),
        class_name="tg-section",
    )


def cell(
    title: Any,
    *,
    subtitle: Any = None,
    left: Any = None,
    right: Any = None,
    style: str = "",
    **props: Any,
) -> rx.Component:
    """One full-width row. With `on_click` it is a button, with `href` a link."""
    children = [
        left or rx.fragment(),
        rx.el.div(
            rx.el.div(title, class_name="tg-cell-title"),
            rx.el.div(subtitle, class_name="tg-cell-sub") if subtitle is not None else rx.fragment(),
            class_name="tg-cell-text",
        ),
        right or rx.fragment(),
    ]
    class_name = f"tg-cell {style} {'iconed' if left is not None else ''}"
    if "on_click" in props:
        return rx.el.button(*children, type="button", class_name=class_name, **props)
    if "href" in props:
        return ReactRouterLink.create(*children, class_name=class_name, **props)
    return rx.el.div(*children, class_name=class_name, **props)


def round_icon(name: str, tone: str = "") -> rx.Component:
    """A tinted 40 px circle with an icon; `tone` is good or bad if the colour has a meaning."""
    return rx.el.div(icon(name), class_name=f"tg-icon {tone}")


def avatar(letter: Any, colour: Any) -> rx.Component:
    """Telegram's coloured circle with an initial; `colour` is 0…6, chosen by the peer's id."""
    return rx.el.div(letter, class_name=rx.Var.create("tg-avatar c") + colour.to_string(), aria_hidden="true")


def chevron() -> rx.Component:
    return rx.el.div(icon("chevron"), class_name="tg-chevron")


def steps(header: str, *codes: str) -> rx.Component:
    """A numbered list of instructions; header and steps are text codes."""
    return section(
        rx.el.ol(*(rx.el.li(say(code)) for code in codes), class_name="tg-steps"), header=say(header)
    )
