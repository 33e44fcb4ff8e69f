"""The bottom sheet, for details that need no page of their own."""

from typing import Any

import reflex as rx

from tg_assistant.components.i18n import say


def sheet(shown: Any, *content: Any, title: Any, on_close: Any, testid: str) -> rx.Component:
    """A sheet that is open while `shown`; a tap on the shade closes it. Test ids: `testid`, sheet-close."""
    shade = rx.el.button(
        type="button",
        aria_label=say("app.ok"),
        on_click=on_close,
        class_name="tg-shade",
        data_testid="sheet-close",
    )
    panel = rx.el.div(
        rx.el.h2(title), *content, class_name="tg-sheet", role="dialog", aria_modal="true", data_testid=testid
    )
    return rx.cond(shown, rx.fragment(shade, panel), rx.fragment())
