"""Components that use Telegram's client; their React code is `assets/telegram_bridge.jsx`."""

from typing import Any

import reflex as rx

_LIBRARY = "$/public/telegram_bridge.jsx"


class TelegramBridge(rx.Component):
    """Presents the resume secret, and sets Telegram's own controls to match the page."""

    library = _LIBRARY
    tag = "TelegramBridge"

    challenge: rx.Var[str]
    refusals: rx.Var[int]
    language: rx.Var[str]
    back_to: rx.Var[str]
    main_text: rx.Var[str]
    main_url: rx.Var[str]
    closing: rx.Var[bool]
    haptic: rx.Var[str]

    on_present: rx.EventHandler[lambda answer: [answer]]
    on_failure: rx.EventHandler[lambda answer: [answer]]


class ConfirmButton(rx.Component):
    """A button whose action the person confirms in Telegram's native popup."""

    library = _LIBRARY
    tag = "ConfirmButton"

    message: rx.Var[str]
    on_confirm: rx.EventHandler[rx.event.no_args_event_spec]


class CopyButton(rx.Component):
    """A button that copies `text`."""

    library = _LIBRARY
    tag = "CopyButton"

    text: rx.Var[str]
    on_copied: rx.EventHandler[rx.event.no_args_event_spec]


class ShareButton(rx.Component):
    """A button that opens Telegram's share screen for a link."""

    library = _LIBRARY
    tag = "ShareButton"

    url: rx.Var[str]
    text: rx.Var[str]


class TelegramLink(rx.Component):
    """A link; a t.me link opens inside Telegram."""

    library = _LIBRARY
    tag = "TelegramLink"

    href: rx.Var[str]


class ScrolledRow(rx.Component):
    """A row of links wider than a phone, scrolled so that the one with the class `on` is visible."""

    library = _LIBRARY
    tag = "ScrolledRow"


class FollowBottom(rx.Component):
    """A column that scrolls to its end whenever `mark` changes."""

    library = _LIBRARY
    tag = "FollowBottom"

    mark: rx.Var[Any]


class Countdown(rx.Component):
    """A countdown in minutes and seconds to `until` (milliseconds since 1970)."""

    library = _LIBRARY
    tag = "Countdown"

    until: rx.Var[int]


class Composer(rx.Component):
    """The question field: grows with its text, sends on Enter, then clears itself."""

    library = _LIBRARY
    tag = "Composer"

    placeholder: rx.Var[str]
    send_label: rx.Var[str]
    busy: rx.Var[bool]
    max_length: rx.Var[int]
    shown: rx.Var[list[Any]]
    on_send: rx.EventHandler[lambda question, question_id: [question, question_id]]


class KeptField(rx.Component):
    """A text field whose text survives a rebuild of the screen; `keep` is its key, unique among fields."""

    library = _LIBRARY
    tag = "KeptField"

    keep: rx.Var[str]
    initial: rx.Var[str]
    name: rx.Var[str]
    type: rx.Var[str]
    placeholder: rx.Var[str]
    auto_complete: rx.Var[str]
    auto_capitalize: rx.Var[str]
    input_mode: rx.Var[str]
    spell_check: rx.Var[bool]
    max_length: rx.Var[int]
    on_typed: rx.EventHandler[lambda value: [value]]


class ReloadButton(rx.Component):
    """A button that reloads the page (a script returned by a handler would need `unsafe-eval`)."""

    library = _LIBRARY
    tag = "ReloadButton"


class CloseButton(rx.Component):
    """A button that closes the Mini App."""

    library = _LIBRARY
    tag = "CloseButton"


class Snackbar(rx.Component):
    """A notice that disappears by itself; a new `number` is a new notice."""

    library = _LIBRARY
    tag = "Snackbar"

    text: rx.Var[str]
    kind: rx.Var[str]
    number: rx.Var[int]
    close_label: rx.Var[str]


bridge = TelegramBridge.create
confirm_button = ConfirmButton.create
copy_button = CopyButton.create
share_button = ShareButton.create
telegram_link = TelegramLink.create
follow_bottom = FollowBottom.create
scrolled_row = ScrolledRow.create
countdown = Countdown.create
composer = Composer.create
kept_field = KeptField.create
reload_button = ReloadButton.create
close_button = CloseButton.create
snackbar = Snackbar.create
