"""The page at `/`, and the page for an address that does not exist.

Test ids: landing, landing-open, landing-closed, not-found.
"""

import reflex as rx

from tg_assistant.components.bot_link import LandingState, bot_address
from tg_assistant.components.controls import link_button
from tg_assistant.components.i18n import in_browser
from tg_assistant.components.icons import icon
from tg_assistant.components.lists import round_icon
from tg_assistant.components.placeholders import empty
from tg_assistant.template import open_page
from tg_assistant.texts import LANGUAGES, text


def _open() -> rx.Component:
    """A button once the bot's name is known; on a computer also a QR code for the phone."""
    labels = [
        rx.el.span(text("landing.go", one, bot="{}").split("{}")[0], LandingState.bot, class_name=f"in-{one}")
        for one in LANGUAGES
    ]
    go = rx.el.a(
        *labels,
        href=bot_address(),
        class_name="tg-button",
        data_testid="landing-open",
    )
    code = rx.el.div(
        rx.el.img(src=LandingState.link_qr, alt="", width="112", height="112"),
        rx.el.span(in_browser("landing.scan")),
        class_name="tg-hero-code",
    )
    unknown = rx.el.p(in_browser("landing.open"), class_name="tg-hero-open", data_testid="landing-closed")
    return rx.cond(LandingState.bot != "", rx.fragment(go, code), unknown)


def _sample() -> rx.Component:
    """A sample question and answer, drawn as in the product."""

    def source(n: int) -> rx.Component:
        words = rx.el.span(
            rx.el.span(in_browser(f"landing.source_{n}"), class_name="tg-source-title"),
            rx.el.span(in_browser(f"landing.source_{n}_when"), class_name="tg-source-when"),
            class_name="tg-cell-text",
        )
        return rx.el.div(rx.el.span(n, class_name="tg-number"), words, class_name="tg-source still")

    def cited(code: str, n: int) -> rx.Component:
        return rx.el.span(in_browser(code), "\u2060", rx.el.span(n, class_name="tg-cite still"))

    answer = rx.el.div(
        cited("landing.answer", 1),
        " ",
        cited("landing.answer_more", 2),
        rx.el.div(source(1), source(2), class_name="tg-sources"),
        class_name="tg-bubble theirs",
    )
    return rx.el.figure(
        rx.el.div(
            rx.el.div(in_browser("landing.question"), class_name="tg-bubble mine"),
            answer,
            class_name="tg-chat",
        ),
        rx.el.figcaption(in_browser("landing.sample")),
        class_name="tg-sample",
    )


def _features() -> rx.Component:
    def feature(n: int, picture: str) -> rx.Component:
        return rx.el.div(
            round_icon(picture),
            rx.el.h2(in_browser(f"landing.feature_{n}")),
            rx.el.p(in_browser(f"landing.feature_{n}_text")),
            class_name="tg-card tg-feature",
        )

    return rx.el.section(
        feature(1, "search"), feature(2, "shield"), feature(3, "exit"), class_name="tg-features"
    )


def _start() -> rx.Component:
    items = [rx.el.li(in_browser(f"landing.step_{n}")) for n in (1, 2, 3)]
    return rx.el.section(
        rx.el.h2(in_browser("landing.steps")),
        rx.el.ol(*items, class_name="tg-steps tg-card"),
        class_name="tg-start",
    )


@open_page("/", load=LandingState.load, style="tg-landing")
def landing() -> rx.Component:
    """The page for people who open the address in a browser: an introduction and a link to the bot."""
    name = rx.el.header(
        rx.el.span(icon("chat"), class_name="tg-mark"), in_browser("app.name"), class_name="tg-hero-name"
    )
    hero = rx.el.section(
        rx.el.div(
            rx.el.h1(in_browser("landing.title")),
            rx.el.p(in_browser("landing.lead"), class_name="tg-hero-lead"),
            rx.el.div(_open(), class_name="tg-hero-way"),
            rx.el.p(in_browser("landing.note"), class_name="tg-hero-note"),
        ),
        _sample(),
        class_name="tg-hero",
    )
    return rx.el.div(name, hero, _features(), _start(), data_testid="landing")


@open_page("404")
def not_found() -> rx.Component:
    home = link_button(in_browser("landing.home"), "/", style="soft", data_testid="to-landing")
    return empty("🧭", in_browser("landing.lost_title"), in_browser("landing.lost"), home, testid="not-found")
