"""Screens without content: loading, empty, failed, not signed in."""

from typing import Any

import reflex as rx

from tg_assistant.components.bot_link import LandingState, bot_address
from tg_assistant.components.controls import button, link_button
from tg_assistant.components.i18n import say
from tg_assistant.components.telegram import close_button
from tg_assistant.state import SessionState


def empty(art: str, title: Any, sentence: Any, *actions: Any, testid: str = "empty") -> rx.Component:
    """A picture, a title, a sentence and actions, usually one."""
    return rx.el.div(
        rx.el.div(art, class_name="tg-empty-art", aria_hidden="true"),
        rx.el.h2(title),
        rx.el.p(sentence),
        rx.el.div(*actions, class_name="tg-buttons") if actions else rx.fragment(),
        class_name="tg-empty",
        data_testid=testid,
    )


def skeleton() -> rx.Component:
    """A placeholder while content loads: a title and a card of grey rows."""
    rows = [
        rx.el.div(
            rx.el.div(class_name="tg-bone", style={"width": "40px", "height": "40px", "borderRadius": "50%"}),
            rx.el.div(
                rx.el.div(class_name="tg-bone", style={"width": width, "height": "14px"}),
                rx.el.div(class_name="tg-bone", style={"width": "34%", "height": "11px", "marginTop": "8px"}),
                class_name="tg-cell-text",
            ),
            class_name="tg-cell iconed",
        )
        for width in ("62%", "48%", "71%", "55%")
    ]
    title = rx.el.div(class_name="tg-bone", style={"width": "45%", "height": "28px", "margin": "8px 0 24px"})
    return rx.el.div(title, rx.el.div(*rows, class_name="tg-card"), data_testid="skeleton", aria_busy="true")


def failed() -> rx.Component:
    """The screen could not be loaded: the error, and a button to try again."""
    return empty(
        "🌧️",
        say("app.failed_title"),
        SessionState.notice["text"],
        button(say("app.try_again"), on_click=SessionState.page_opened, data_testid="try-again"),
        testid="failed",
    )


def reopen() -> rx.Component:
    """Init data is used or too old and no session is stored: only reopening in Telegram gives new data."""
    close = close_button(say("app.close"), class_name="tg-button", data_testid="close-app")
    return empty("🔄", say("sign_in.reopen_title"), say("sign_in.reopen"), close, testid="reopen")


def outside() -> rx.Component:
    """An ordinary browser opened the Mini App's address; links to the first page, which links to the bot."""
    way = link_button(say("landing.home"), "/", style="soft", data_testid="to-landing")
    return empty("✈️", say("sign_in.outside_title"), say("sign_in.outside"), way, testid="outside")


def link_needed() -> rx.Component:
    """The admin panel in a browser that is not signed in, or no longer: the bot sends a sign-in link."""
    go = rx.el.a(
        say("panel.open_bot", bot=""),
        LandingState.bot,
        href=bot_address(),
        class_name="tg-button",
        data_testid="to-bot",
    )
    way = rx.el.div(rx.cond(LandingState.bot != "", go, rx.fragment()), on_mount=LandingState.load)
    return empty("🔑", say("sign_in.link_title"), say("sign_in.link"), way, testid="link-needed")


def offline() -> rx.Component:
    """Sign-in could not reach the server."""
    return empty(
        "📡",
        say("sign_in.offline_title"),
        say("sign_in.offline"),
        # no reload of the page: in a frame whose storage is blocked it would lose the launch data
        button(say("app.try_again"), on_click=SessionState.page_opened, data_testid="try-again"),
        testid="offline",
    )
