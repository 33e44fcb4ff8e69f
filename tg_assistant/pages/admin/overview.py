"""Statistics of the group, and how its Telegram accounts fare. Test ids (data-name): fact, group-account."""

from dataclasses import asdict
from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components import safety_text
from tg_assistant.components.formatting import grouped, tenths
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import round_icon, section
from tg_assistant.components.panel import fact, listed, more
from tg_assistant.core.accounts import safety
from tg_assistant.core.accounts.safety import Safety
from tg_assistant.core.administration import statistics
from tg_assistant.core.administration.statistics import Statistics
from tg_assistant.models import AccountStatus
from tg_assistant.page_context import actor_transaction
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import has, text
from tg_assistant.web.process import current

_GROUPS = {
    "people": ("members", "members_active_week", "members_disabled", "accounts_connected"),
    "reading": ("channels", "posts", "posts_indexed"),
    "asking": ("questions_day", "questions_week", "abstained_share", "median_milliseconds"),
    "work": ("tasks_open", "jobs_waiting", "jobs_held"),
}


class Fact(TypedDict):
    name: str
    title: str
    value: str


class Fare(TypedDict):
    """A member's Telegram account: what is used of its budget and what waits, in words."""

    name: str
    detail: str
    risk: bool


class OverviewState(rx.State):
    """The statistics, by group."""

    people: list[Fact] = []  # noqa: RUF012 - Reflex copies defaults
    reading: list[Fact] = []  # noqa: RUF012
    asking: list[Fact] = []  # noqa: RUF012
    work: list[Fact] = []  # noqa: RUF012
    accounts: list[Fare] = []  # noqa: RUF012
    cursor: str = ""

    @rx.event
    async def load(self) -> Any:
        async with actor_transaction(self) as (db, actor):
            found = await statistics.of(db, actor)
        for group, names in _GROUPS.items():
            facts = [
                Fact(
                    name=name,
                    title=text(f"admin.fact_{name}", actor.language),
                    value=_value(name, asdict(found)[name], actor.language),
                )
                for name in names
            ]
            setattr(self, group, facts)
        self.asking = [*self.asking, *_by_door(found, actor.language)]
        await self._fare()
        return SessionState.loaded

    @rx.event
    async def read_on(self) -> None:
        await self._fare(self.cursor)

    async def _fare(self, cursor: str = "") -> None:
        async with actor_transaction(self) as (_, actor):
            pass
        found = await safety.of_group(current(), actor, cursor=cursor or None)
        shown = [_fare_of(one, actor.language) for one in found.items]
        self.accounts = [*self.accounts, *shown] if cursor else shown
        self.cursor = found.next_cursor or ""


def _fare_of(one: Safety, language: str) -> Fare:
    ended = one.account.status == AccountStatus.ended
    said = [text("admin.account_ended", language)] if ended else safety_text.lines(one, language)
    return Fare(name=one.name, detail=" · ".join(said), risk=ended or one.at_risk)


def _value(name: str, value: float | None, language: str) -> str:
    if value is None:
        return "–"
    if name == "abstained_share":
        return f"{round(value * 100)}%"
    if name == "median_milliseconds":
        return text("admin.seconds", language, seconds=tenths(value / 1000, language))
    return grouped(int(value), language)


def _by_door(found: Statistics, language: str) -> list[Fact]:
    """The week's questions by door, the busiest first."""
    facts: list[Fact] = []
    for door, count in sorted(found.questions_by_door_week.items(), key=lambda one: -one[1]):
        code = f"admin.door_{door}"
        title = text("admin.fact_door", language, door=text(code, language) if has(code) else door)
        facts.append(Fact(name=f"door_{door}", title=title, value=grouped(count, language)))
    return facts


def _row(one: Fact) -> rx.Component:
    return fact(one["title"], one["value"], data_testid="fact", data_name=one["name"])


def _account(one: Fare) -> rx.Component:
    icon = rx.cond(one["risk"], round_icon("warning", "bad"), round_icon("phone", "good"))
    texts = rx.el.div(
        rx.el.div(one["name"], class_name="tg-cell-title"),
        rx.el.div(one["detail"], class_name="tg-cell-sub wrap"),
        class_name="tg-cell-text",
    )
    return rx.el.div(
        icon, texts, class_name="tg-cell iconed", data_testid="group-account", data_name=one["name"]
    )


@panel_page("", load=OverviewState.load)
def overview_page() -> rx.Component:
    """Sections for people, reading, asking and work."""
    groups = {name: getattr(OverviewState, name) for name in _GROUPS}
    numbers = rx.el.div(
        *(
            section(rx.foreach(facts, _row), header=say(f"admin.group_{name}"))
            for name, facts in groups.items()
        ),
        class_name="tg-columns",
    )
    accounts = listed(
        OverviewState.accounts,
        _account,
        header=say("admin.accounts"),
        nothing="admin.no_accounts",
        footer=say("admin.accounts_hint"),
    )
    return rx.fragment(numbers, accounts, more(OverviewState.cursor, OverviewState.read_on))
