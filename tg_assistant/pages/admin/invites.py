"""Invites: creating one, sharing it as a link or QR code, its uses, revoking it.

Test ids: invite-role-…, invite-uses, invite-days, invite-notes, invite-create, invite (with data-status),
invite-sheet, invite-link, invite-copy, invite-qr, invite-use, invite-revoke, invite-filter-….
"""

from datetime import timedelta
from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import segment, segments
from tg_assistant.components.formatting import ago
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import cell, chevron, round_icon, section
from tg_assistant.components.panel import listed, more
from tg_assistant.components.qr_code import qr_code, qr_picture
from tg_assistant.components.sheet import sheet
from tg_assistant.components.telegram import confirm_button, copy_button, kept_field
from tg_assistant.core.group import invites
from tg_assistant.core.group.invites import Use
from tg_assistant.errors import Invalid, Unavailable
from tg_assistant.models import Invite, Role
from tg_assistant.page_context import actor_transaction, administering
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import date, text
from tg_assistant.web.process import current

_STATES = ("active", "expired", "revoked")


class Row(TypedDict):
    code: str
    detail: str
    status: str


class Used(TypedDict):
    name: str
    when: str


class InvitesState(rx.State):
    """The list by status, the role of the next invite, and the invite whose sheet is open."""

    rows: list[Row] = []  # noqa: RUF012 - Reflex copies defaults
    cursor: str = ""
    status: str = "active"
    role: str = "user"
    open: Row = Row(code="", detail="", status="")
    link: str = ""
    picture: str = ""
    uses: list[Used] = []  # noqa: RUF012

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return SessionState.loaded

    @rx.event
    async def choose(self, name: str, value: str) -> None:
        """Set the status to list, or the role of the next invite."""
        if name == "status" and value in _STATES:
            self.status = value
            await self._read()
        elif name == "role" and value in (Role.user, Role.admin):
            self.role = value

    @rx.event
    async def read_on(self) -> None:
        await self._read(self.cursor)

    @rx.event
    async def create(self, form: dict[str, Any]) -> Any:
        days = _number(form.get("days"), "invites.expires_at")
        uses = _number(form.get("uses") or str(invites.DEFAULT_USES), "invites.uses_limit", max=10_000)
        notes = str(form.get("notes") or "")
        expires_at = current().clock.now() + timedelta(days=min(days, 3650)) if days else None
        async with administering(self) as (db, actor):
            made = await invites.create(
                db, actor, role=Role(self.role), uses_limit=uses, expires_at=expires_at, notes=notes
            )
        self.status = "active"
        await self._read()
        return InvitesState.show(made.code)

    @rx.event
    async def show(self, code: str) -> None:
        async with actor_transaction(self) as (db, actor):
            invite = await invites.get(db, actor, code)
            used = await invites.usage(db, actor, code)
        try:
            self.link = await invites.link(current().settings.telegram, invite.code)
        except Unavailable:  # Telegram has not returned the bot's name
            self.link = f"/start inv_{invite.code}"
        self.picture = qr_picture(self.link)
        self.uses = [_used(one, actor.language) for one in used.items]
        self.open = _row_of(invite, actor.language)

    @rx.event
    def close(self) -> None:
        self.open = Row(code="", detail="", status="")

    @rx.event
    async def revoke(self) -> None:
        async with administering(self) as (db, actor):
            await invites.revoke(db, actor, self.open["code"])
        session = await self.get_state(SessionState)
        session._say(text("admin.invite_revoked", actor.language))
        self.open = Row(code="", detail="", status="")
        await self._read()

    async def _read(self, cursor: str = "") -> None:
        async with actor_transaction(self) as (db, actor):
            found = await invites.list_(db, actor, status=self.status, cursor=cursor or None)
        shown = [_row_of(invite, actor.language) for invite in found.items]
        self.rows = [*self.rows, *shown] if cursor else shown
        self.cursor = found.next_cursor or ""


def _number(given: Any, code: str, **values: Any) -> int:
    words = str(given or "0").strip()
    if not (words.isascii() and words.isdigit() and len(words) < 6):
        raise Invalid(code, **values)
    return int(words)


def _row_of(invite: Invite, language: str) -> Row:
    # a used-up invite is listed among the active ones, as over REST, but can no longer be shared
    status = invites.state_of(invite, current().clock.now())
    limit = str(invite.uses_limit or "∞")
    said = [
        text(f"admin.role_{invite.role}", language),
        text("admin.invite_used", language, used=invite.uses_count, limit=limit),
    ]
    if invite.expires_at is not None:
        said.append(text("admin.invite_until", language, when=date(invite.expires_at, language)))
    if invite.notes:
        said.append(invite.notes)
    return Row(code=invite.code, detail=" · ".join(said), status=status)


def _used(one: Use, language: str) -> Used:
    erased = text("admin.erased", language)
    user = one.user
    name = (f"{user.first_name} {user.last_name}".strip() or f"@{user.username}") if user else erased
    return Used(name=name, when=ago(one.use.at, language))


def _field(name: str, placeholder: Any, **props: Any) -> rx.Component:
    """A row with the field's name at the left; `placeholder` shows the value of an empty field."""
    field = kept_field(
        keep=f"invite-{name}",
        name=name,
        placeholder=placeholder,
        auto_complete="off",
        class_name="tg-field",
        data_testid=f"invite-{name}",
        **props,
    )
    return rx.el.label(rx.el.span(say(f"admin.invite_{name}")), field, class_name="tg-row tg-labelled")


def _form() -> rx.Component:
    roles = [
        segment(
            say(f"admin.role_{role}"),
            InvitesState.role == role,
            on_click=InvitesState.choose("role", role),
            data_testid=f"invite-role-{role}",
        )
        for role in ("user", "admin")
    ]
    submit = rx.el.button(
        say("admin.invite_create"), type="submit", class_name="tg-button wide", data_testid="invite-create"
    )
    return rx.el.form(
        rx.el.div(say("admin.invite_new"), class_name="tg-section-head"),
        segments(*roles),
        section(
            _field("uses", str(invites.DEFAULT_USES), input_mode="numeric"),
            _field("days", say("admin.invite_endless"), input_mode="numeric"),
            _field("notes", say("admin.invite_notes_hint"), max_length=500),
            footer=say("admin.invite_hint"),
        ),
        rx.el.div(submit, class_name="tg-section"),
        on_submit=InvitesState.create,
    )


def _row(one: Row) -> rx.Component:
    return cell(
        one["code"],
        subtitle=one["detail"],
        left=round_icon("ticket"),
        right=chevron(),
        on_click=InvitesState.show(one["code"]),
        data_testid="invite",
        data_status=one["status"],
    )


def _use(one: Used) -> rx.Component:
    return cell(
        one["name"], right=rx.el.span(one["when"], class_name="tg-cell-value"), data_testid="invite-use"
    )


def _sheet() -> rx.Component:
    handing_over = rx.fragment(
        qr_code(InvitesState.picture, "admin.invite_qr", "invite-qr"),
        section(cell(InvitesState.link, style="wrapped", data_testid="invite-link")),
        rx.el.div(
            copy_button(
                say("login.copy"),
                text=InvitesState.link,
                class_name="tg-button",
                data_testid="invite-copy",
            ),
            confirm_button(
                say("admin.invite_revoke"),
                message=say("admin.invite_revoke_confirm"),
                on_confirm=InvitesState.revoke,
                class_name="tg-button danger",
                data_testid="invite-revoke",
            ),
            class_name="tg-buttons",
        ),
    )
    return sheet(
        InvitesState.open["code"] != "",
        rx.el.p(InvitesState.open["detail"], class_name="tg-lead"),
        rx.cond(InvitesState.open["status"] == "active", handing_over, rx.fragment()),
        listed(
            InvitesState.uses, _use, header=say("admin.invite_uses_header"), nothing="admin.invite_unused"
        ),
        title=InvitesState.open["code"],
        on_close=InvitesState.close,
        testid="invite-sheet",
    )


@panel_page("invites", load=InvitesState.load)
def invites_page() -> rx.Component:
    """The form first, then the list by status."""
    states = [
        segment(
            say(f"admin.invite_{status}"),
            InvitesState.status == status,
            on_click=InvitesState.choose("status", status),
            data_testid=f"invite-filter-{status}",
        )
        for status in _STATES
    ]
    return rx.fragment(
        _form(),
        segments(*states),
        listed(InvitesState.rows, _row, header=say("admin.tab_invites"), nothing="admin.no_invites"),
        more(InvitesState.cursor, InvitesState.read_on),
        _sheet(),
    )
