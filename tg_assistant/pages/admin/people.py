"""The group's members: search, role and plan, disabling their access, ending their sessions.

Test ids: people-search, member (with data-name), member-sheet, role-…, plan-…, member-disabled,
member-session, member-session-end, people-role-….
"""

from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import search_field, segment, segments, switch
from tg_assistant.components.devices import device_name
from tg_assistant.components.formatting import ago, colour, dotted, initial
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import avatar, cell, chevron, section
from tg_assistant.components.panel import listed, more
from tg_assistant.components.sheet import sheet
from tg_assistant.components.telegram import confirm_button
from tg_assistant.core import plans
from tg_assistant.core.access import sessions
from tg_assistant.core.access.sessions import MemberSession
from tg_assistant.core.group import members
from tg_assistant.core.group.members import Changes, Member
from tg_assistant.errors import NotAllowed
from tg_assistant.models import Role
from tg_assistant.page_context import actor_transaction, administering, parse_id
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import text


class Person(TypedDict):
    """A member; `version` is the one shown, so that a change cannot overwrite another admin's unseen one."""

    id: str
    name: str
    letter: str
    colour: int
    detail: str
    role: str
    plan: str
    disabled: bool
    version: int


class SignIn(TypedDict):
    id: str
    device: str
    detail: str


NOBODY = Person(
    id="", name="", letter="", colour=0, detail="", role="user", plan="free", disabled=False, version=0
)


class PeopleState(rx.State):
    """The filtered list, and the member whose sheet is open."""

    rows: list[Person] = []  # noqa: RUF012 - Reflex copies defaults
    cursor: str = ""
    role: str = ""
    open: Person = NOBODY
    sign_ins: list[SignIn] = []  # noqa: RUF012
    _query: str = ""

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return SessionState.loaded

    @rx.event
    async def search(self, words: str) -> None:
        self._query = words[:100]
        await self._read()

    @rx.event
    async def choose_role(self, role: str) -> None:
        self.role = role if role in list(Role) else ""
        await self._read()

    @rx.event
    async def read_on(self) -> None:
        await self._read(self.cursor)

    @rx.event
    async def show(self, user_id: str) -> None:
        async with actor_transaction(self) as (db, actor):
            member = await members.get(db, actor, parse_id(user_id, "users.not_found"))
            signed_in = await sessions.list_for_tenant(db, actor, user_id=member.user.id)
        self.open = _person(member, actor.language)
        self.sign_ins = [_sign_in(one, actor.language) for one in signed_in.items]

    @rx.event
    def close(self) -> None:
        self.open = NOBODY

    @rx.event
    async def change(self, name: str, value: str) -> None:
        """Change role, plan or disabled; core checks the rights and raises Conflict for an old `version`."""
        changes = _changes(name, value)
        async with administering(self) as (db, actor):
            user_id = parse_id(self.open["id"], "users.not_found")
            member = await members.change(db, actor, user_id, version=self.open["version"], **changes)
        session = await self.get_state(SessionState)
        session._say(text("admin.saved", actor.language))
        self.open = _person(member, actor.language)
        self.sign_ins = [] if self.open["disabled"] else self.sign_ins
        await self._read()

    @rx.event
    async def end(self, session_id: str) -> None:
        async with administering(self) as (db, actor):
            await sessions.end_for_member(db, actor, parse_id(session_id, "sessions.not_found"))
        self.sign_ins = [one for one in self.sign_ins if one["id"] != session_id]

    async def _read(self, cursor: str = "") -> None:
        role = Role(self.role) if self.role else None
        async with actor_transaction(self) as (db, actor):
            found = await members.list_(db, actor, cursor=cursor or None, search=self._query, role=role)
        shown = [_person(member, actor.language) for member in found.items]
        self.rows = [*self.rows, *shown] if cursor else shown
        self.cursor = found.next_cursor or ""


def _changes(name: str, value: str) -> Changes:
    if name == "role":
        if value not in list(Role):
            raise NotAllowed("access.role")
        return {"role": Role(value)}
    return {"plan": value} if name == "plan" else {"disabled": value == "yes"}


def _person(member: Member, language: str) -> Person:
    user, membership = member.user, member.membership
    name = f"{user.first_name} {user.last_name}".strip() or f"@{user.username}"
    seen = ago(user.last_seen_at, language) if user.last_seen_at else text("admin.never_seen", language)
    plan = text(f"panel.plan_{plans.of(membership.plan).name}", language)
    said = [text(f"admin.role_{membership.role}", language), plan, seen]
    if membership.disabled:
        said.insert(0, text("admin.disabled", language))
    return Person(
        id=str(user.id),
        name=name,
        letter=initial(name),
        colour=colour(user.telegram_id),
        detail=dotted(said),
        role=membership.role,
        plan=membership.plan,
        disabled=membership.disabled,
        version=membership.version,
    )


def _sign_in(one: MemberSession, language: str) -> SignIn:
    device = device_name(one.session.device) or text("sessions.device_unknown", language)
    seen = text("sessions.last_seen", language, when=ago(one.session.last_seen_at, language))
    return SignIn(id=str(one.session.id), device=device, detail=seen)


def _row(one: Person) -> rx.Component:
    return cell(
        one["name"],
        subtitle=one["detail"],
        left=avatar(one["letter"], one["colour"]),
        right=chevron(),
        on_click=PeopleState.show(one["id"]),
        data_testid="member",
        data_name=one["name"],
    )


def _choices(name: str, chosen: Any, values: tuple[str, ...]) -> rx.Component:
    return segments(
        *(
            segment(
                say(f"admin.role_{value}" if name == "role" else f"panel.plan_{value}"),
                chosen == value,
                on_click=PeopleState.change(name, value),
                data_testid=f"{name}-{value}",
            )
            for value in values
        )
    )


def _signed_in(one: SignIn) -> rx.Component:
    end = confirm_button(
        say("sessions.end"),
        message=say("sessions.end_confirm"),
        on_confirm=PeopleState.end(one["id"]),
        class_name="tg-button danger small",
        data_testid="member-session-end",
    )
    return cell(one["device"], subtitle=one["detail"], right=end, data_testid="member-session")


def _sheet() -> rx.Component:
    shown = PeopleState.open
    access = switch(
        rx.cond(shown["disabled"], False, True),
        say("admin.access"),
        on_click=PeopleState.change("disabled", rx.cond(shown["disabled"], "no", "yes")),
        data_testid="member-disabled",
    )
    return sheet(
        shown["id"] != "",
        rx.el.div(say("admin.role"), class_name="tg-section-head"),
        _choices("role", shown["role"], tuple(role.value for role in Role)),
        rx.el.div(say("admin.plan"), class_name="tg-section-head"),
        _choices("plan", shown["plan"], tuple(plans.PLANS)),
        section(cell(say("admin.access"), subtitle=say("admin.access_hint"), right=access, style="wrapped")),
        listed(PeopleState.sign_ins, _signed_in, header=say("sessions.app"), nothing="admin.no_sessions"),
        title=shown["name"],
        on_close=PeopleState.close,
        testid="member-sheet",
    )


@panel_page("people", load=PeopleState.load)
def people_page() -> rx.Component:
    """A search field, a filter by role, the members."""
    roles = [
        segment(
            say(f"admin.role_{value}" if value else "admin.everybody"),
            PeopleState.role == value,
            on_click=PeopleState.choose_role(value),
            data_testid=f"people-role-{value or 'all'}",
        )
        for value in ("", *(role.value for role in Role))
    ]
    return rx.fragment(
        search_field("admin.people_search", on_typed=PeopleState.search, data_testid="people-search"),
        segments(*roles),
        listed(PeopleState.rows, _row, header=say("admin.tab_people"), nothing="admin.no_people"),
        more(PeopleState.cursor, PeopleState.read_on),
        _sheet(),
    )
