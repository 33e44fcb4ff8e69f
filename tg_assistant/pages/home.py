"""First screen: an introduction, redeeming an invite, the next step.

Test ids: invite-code, invite-submit, step-connect, step-channels, step-ask, home-next.
"""

from typing import Any

import reflex as rx

from tg_assistant.components.controls import link_button
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import cell, chevron, round_icon, section
from tg_assistant.components.telegram import kept_field
from tg_assistant.core.access.rate_limits import Rule
from tg_assistant.core.accounts import accounts
from tg_assistant.core.channels import channels
from tg_assistant.core.group import invites
from tg_assistant.page_context import actor_transaction, count
from tg_assistant.state import HOME, SessionState
from tg_assistant.template import page
from tg_assistant.texts import text


class HomeState(rx.State):
    """The person's progress in setting up."""

    connected: bool = False
    followed: int = 0
    followed_text: str = ""
    code: str = ""

    @rx.event
    async def load(self) -> Any:
        async with actor_transaction(self) as (db, actor):
            self.connected = bool(await accounts.own(db, actor))
            self.followed = await channels.count(db, actor)
        self.followed_text = text("home.channels_done", actor.language, n=self.followed)
        if self.connected and self.followed:
            return rx.redirect(f"{HOME}/ask/", replace=True)  # set-up is complete
        return SessionState.loaded

    @rx.event
    async def redeem(self, form: dict[str, Any]) -> Any:
        """Join with the code in the form; the one that the app was opened with is filled in."""
        session = await self.get_state(SessionState)
        async with actor_transaction(self) as (db, actor):
            await count(self, actor, Rule.invites)
            await invites.redeem(db, actor, str(form.get("code", "")))
        session._say(text("invite.accepted", actor.language))
        session.phase = "loading"
        return SessionState.page_opened


def _invite() -> rx.Component:
    """The form for an invite code, for a person without a tenant."""
    field = kept_field(
        keep="invite",
        name="code",
        initial=rx.cond(SessionState.start.startswith("inv_"), SessionState.start.split("_")[1], ""),
        placeholder=say("invite.placeholder"),
        aria_label=say("invite.field"),
        auto_complete="off",
        auto_capitalize="characters",
        spell_check=False,
        max_length=20,
        class_name="tg-field code",
        data_testid="invite-code",
    )
    submit = rx.el.button(
        say("invite.submit"), type="submit", class_name="tg-button wide", data_testid="invite-submit"
    )
    return rx.fragment(
        _welcome(say("invite.title"), say("invite.lead"), "💌"),
        rx.el.form(
            section(field, header=say("invite.header"), footer=say("invite.hint")),
            submit,
            on_submit=HomeState.redeem,
        ),
        rx.el.div(style={"height": "24px"}),
        _privacy(),
    )


def _welcome(title: Any, lead: Any, art: str) -> rx.Component:
    return rx.el.div(
        rx.el.div(art, class_name="tg-empty-art", aria_hidden="true"),
        rx.el.h2(title),
        rx.el.p(lead),
        class_name="tg-empty",
    )


def _privacy() -> rx.Component:
    facts = ((1, "shield"), (2, "search"), (3, "exit"))
    return section(
        *(
            cell(
                say(f"home.privacy_{n}"),
                subtitle=say(f"home.privacy_{n}_hint"),
                left=round_icon(picture),
                style="wrapped",
            )
            for n, picture in facts
        ),
        header=say("home.privacy_header"),
    )


def _step(name: str, picture: str, done: Any, done_text: Any, href: str) -> rx.Component:
    return cell(
        rx.cond(done, done_text, say(f"home.{name}")),
        subtitle=say(f"home.{name}_hint"),
        left=rx.cond(done, round_icon("check", "good"), round_icon(picture)),
        right=chevron(),
        href=f"{HOME}/{href}/",
        data_testid=f"step-{name}",
    )


@page("", load=HomeState.load, guest=_invite, tab="home")
def home() -> rx.Component:
    """The steps done, the next step, and what the assistant may and may not do."""
    following = HomeState.followed > 0
    next_step = rx.cond(
        HomeState.connected,
        link_button(
            say("home.next_channels"), f"{HOME}/channels/add/", style="wide", data_testid="home-next"
        ),
        link_button(say("home.start"), f"{HOME}/connect/", style="wide", data_testid="home-next"),
    )
    return rx.fragment(
        _welcome(say("home.title"), say("home.lead"), "💬"),
        section(
            _step("connect", "phone", HomeState.connected, say("home.connect_done"), "connect"),
            _step("channels", "channels", following, HomeState.followed_text, "channels/add"),
            _step("ask", "chat", False, "", "ask"),
            header=say("home.header"),
        ),
        rx.el.div(next_step, class_name="tg-section"),
        _privacy(),
    )
