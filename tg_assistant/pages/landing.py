"""What is at `/`, and what is shown for an address that does not exist.

Test ids: landing, not-found.
"""

import reflex as rx

from tg_assistant.components.states import empty
from tg_assistant.components.words import say
from tg_assistant.template import open_page


@open_page("/")
def landing() -> rx.Component:
    """For people who type the address into a browser."""
    return rx.fragment(
        empty("💬", say("landing.title"), say("landing.lead"), testid="landing"),
        rx.el.p(say("landing.open"), class_name="tg-status"),
    )


@open_page("404")
def not_found() -> rx.Component:
    return empty("🧭", say("landing.lost_title"), say("landing.lost"), testid="not-found")
