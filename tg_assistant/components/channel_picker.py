"""Channels to choose from: the account's list as rows with a check mark."""

from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import check, segment, segments
from tg_assistant.components.formatting import colour, counted, initial
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import avatar
from tg_assistant.models import Dialog
from tg_assistant.texts import text


class Choice(TypedDict):
    """One channel of the account's list."""

    id: str
    title: str
    letter: str
    colour: int
    detail: str
    folder: str
    chosen: bool
    followed: bool


def choice_of(dialog: Dialog, followed: set[str], language: str) -> Choice:
    """The row of a dialog. `followed` holds the Telegram ids of the channels the person already follows."""
    is_followed = str(dialog.telegram_id) in followed
    if is_followed:
        detail = text("channels.already", language)
    elif dialog.members:
        detail = counted("channels.members", language, dialog.members)
    else:
        detail = f"@{dialog.username}" if dialog.username else text("channels.private", language)
    return Choice(
        id=str(dialog.telegram_id),
        title=dialog.title,
        letter=initial(dialog.title),
        colour=colour(dialog.telegram_id),
        detail=detail,
        folder=dialog.folder or "",
        chosen=False,
        followed=is_followed,
    )


def choice_row(choice: Choice, *, on_toggle: Any) -> rx.Component:
    """A row to tap. Test id: available, with data-channel."""
    return rx.el.button(
        avatar(choice["letter"], choice["colour"]),
        rx.el.div(
            rx.el.div(choice["title"], class_name="tg-cell-title"),
            rx.el.div(choice["detail"], class_name="tg-cell-sub"),
            class_name="tg-cell-text",
        ),
        check(choice["chosen"] | choice["followed"]),
        type="button",
        role="checkbox",
        aria_checked=rx.cond(choice["chosen"] | choice["followed"], "true", "false"),
        disabled=choice["followed"],
        on_click=on_toggle(choice["id"]),
        class_name="tg-cell iconed",
        key=choice["id"],
        data_testid="available",
        data_channel=choice["title"],
    )


def folder_segments(folders: Any, chosen: Any, *, on_choose: Any) -> rx.Component:
    """The account's folders to narrow the list by, "all" first; nothing without folders. Test id: folder."""
    everything = segment(
        say("channels.all_folders"), chosen == "", on_click=on_choose(""), data_testid="folder"
    )
    named = rx.foreach(
        folders, lambda name: segment(name, chosen == name, on_click=on_choose(name), data_testid="folder")
    )
    return rx.cond(folders.length() > 0, segments(everything, named), rx.fragment())
