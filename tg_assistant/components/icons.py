"""Line icons as SVG paths: every page would have to load an icon library for these few."""

# ruff: noqa: E501 - a path is one word

import reflex as rx

_PATHS = {
    "chat": "M4 6.5A2.5 2.5 0 0 1 6.5 4h11A2.5 2.5 0 0 1 20 6.5v7a2.5 2.5 0 0 1-2.5 2.5H10l-4.2 3.6c-.7.6-1.8.1-1.8-.8z",
    "channels": "M4 10v4a1 1 0 0 0 1 1h2.5l8.3 4.2c.7.3 1.4-.1 1.4-.9V5.7c0-.8-.7-1.2-1.4-.9L7.5 9H5a1 1 0 0 0-1 1z"
    "M8 15.5l1 4M20 10.5v3",
    "devices": "M3 6.5A1.5 1.5 0 0 1 4.5 5h11A1.5 1.5 0 0 1 17 6.5V8M2 18h10M3 6.5V15h9M14.5 10h5a1 1 0 0 1 1 1v7"
    "a1 1 0 0 1-1 1h-5a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1zM16.5 16.8h1",
    "link": "M9.5 14.5l5-5M8 12l-2.2 2.2a3.6 3.6 0 0 0 5.1 5.1L13 17.2M16 12l2.2-2.2a3.6 3.6 0 0 0-5.1-5.1L11 6.8",
    "plus": "M12 5v14M5 12h14",
    "search": "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
    "check": "M5 12.5l4.5 4.5L19 7.5",
    "trash": "M5 7h14M10 7V5.5A1.5 1.5 0 0 1 11.5 4h1A1.5 1.5 0 0 1 14 5.5V7M7 7l.8 11.6A1.5 1.5 0 0 0 9.3 20h5.4"
    "a1.5 1.5 0 0 0 1.5-1.4L17 7M10.5 11v5M13.5 11v5",
    "shield": "M12 3.5l7 2.7v5c0 4.3-2.9 7.7-7 9.3-4.1-1.6-7-5-7-9.3v-5zM9 12l2.2 2.2L15.2 10",
    "exit": "M14 5H7a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h7M11 12h9M17 8.5l3.5 3.5-3.5 3.5",
    "phone": "M8.5 3h7A1.5 1.5 0 0 1 17 4.5v15a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 7 19.5v-15A1.5 1.5 0 0 1 8.5 3z"
    "M11 18h2",
    "chevron": "M9 5l7 7-7 7",
    "warning": "M12 8v5M12 16.5v.1M10.7 4.4L3.3 17.5A1.5 1.5 0 0 0 4.6 19.7h14.8a1.5 1.5 0 0 0 1.3-2.2L13.3 4.4"
    "a1.5 1.5 0 0 0-2.6 0z",
    "copy": "M9 8.5h9a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1v-10a1 1 0 0 1 1-1zM5 15.5v-11a1 1 0 0 1 1-1h9",
    "ticket": "M4 8a1.5 1.5 0 0 1 1.5-1.5h13A1.5 1.5 0 0 1 20 8v2a2 2 0 0 0 0 4v2a1.5 1.5 0 0 1-1.5 1.5h-13"
    "A1.5 1.5 0 0 1 4 16v-2a2 2 0 0 0 0-4zM14 7v10",
    "clock": "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 7.5V12l3 2",
}


def icon(name: str) -> rx.Component:
    """A 24 px line icon in the current text colour; decorative, so hidden from screen readers."""
    path = rx.el.svg.path(
        d=_PATHS[name],
        fill="none",
        stroke="currentColor",
        stroke_width="1.8",
        stroke_linecap="round",
        stroke_linejoin="round",
    )
    return rx.el.svg(path, view_box="0 0 24 24", aria_hidden="true")
