"""Statistics of the group. Test ids: fact (with data-name)."""

from dataclasses import asdict
from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.formatting import grouped, tenths
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import section
from tg_assistant.components.panel import fact
from tg_assistant.core.administration import statistics
from tg_assistant.core.administration.statistics import Statistics
from tg_assistant.page_context import actor_transaction
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import has, text

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


class OverviewState(rx.State):
    """The statistics, by group."""

    people: list[Fact] = []  # noqa: RUF012 - Reflex copies defaults
    reading: list[Fact] = []  # noqa: RUF012
    asking: list[Fact] = []  # noqa: RUF012
    work: list[Fact] = []  # noqa: RUF012

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
        return SessionState.loaded


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


@panel_page("", load=OverviewState.load)
def overview_page() -> rx.Component:
    """Sections for people, reading, asking and work."""
    groups = {name: getattr(OverviewState, name) for name in _GROUPS}
    return rx.el.div(
        *(
            section(rx.foreach(facts, _row), header=say(f"admin.group_{name}"))
            for name, facts in groups.items()
        ),
        class_name="tg-columns",
    )
