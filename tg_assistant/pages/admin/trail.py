"""The audit trail of the group: actions and their authors. Test ids: trail-filter-…, trail-line."""

from typing import Any, TypedDict
from uuid import UUID

import reflex as rx

from tg_assistant.components.audit_text import details
from tg_assistant.components.controls import segment, segments
from tg_assistant.components.formatting import ago
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import cell
from tg_assistant.components.panel import listed, more
from tg_assistant.core import audit
from tg_assistant.models import AuditEvent
from tg_assistant.page_context import actor_transaction
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import has, text

_TOPICS = ("", "member.", "invite.", "session.", "account.", "channel.")


class Line(TypedDict):
    id: str
    what: str
    detail: str


class TrailState(rx.State):
    """The lines of one topic, or all."""

    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults
    cursor: str = ""
    topic: str = ""

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return SessionState.loaded

    @rx.event
    async def choose_topic(self, topic: str) -> None:
        self.topic = topic if topic in _TOPICS else ""
        await self._read()

    @rx.event
    async def read_on(self) -> None:
        await self._read(self.cursor)

    async def _read(self, cursor: str = "") -> None:
        async with actor_transaction(self) as (db, actor):
            found = await audit.list_(db, actor, action=self.topic or None, cursor=cursor or None)
            people: list[UUID | None] = []  # authors, and members concerned
            for one in found.items:
                people.append(one.user_id)
                if member := one.detail.get("member"):
                    people.append(UUID(member))
            names = await audit.names(db, actor, people)
        shown = [_line(one, names, actor.language) for one in found.items]
        self.lines = [*self.lines, *shown] if cursor else shown
        self.cursor = found.next_cursor or ""


def _line(event: AuditEvent, names: dict[UUID, str], language: str) -> Line:
    code = f"admin.did_{event.action}"
    who = names.get(event.user_id) if event.user_id else None
    said = [who or text("admin.somebody" if event.user_id else "admin.system", language)]
    said.append(ago(event.at, language))
    called = {str(person): name for person, name in names.items()}
    said += details(event.action, event.detail, language, called)
    what = text(code if has(code) else "panel.did_something", language)
    return Line(id=str(event.id), what=what, detail=" · ".join(said))


def _row(line: Line) -> rx.Component:
    return cell(line["what"], subtitle=line["detail"], style="wrapped", data_testid="trail-line")


@panel_page("trail", load=TrailState.load)
def trail_page() -> rx.Component:
    """A filter by topic, then the lines, the newest first."""
    topics = [
        segment(
            say(f"admin.trail_{topic.rstrip('.') or 'all'}"),
            TrailState.topic == topic,
            on_click=TrailState.choose_topic(topic),
            data_testid=f"trail-filter-{topic.rstrip('.') or 'all'}",
        )
        for topic in _TOPICS
    ]
    return rx.fragment(
        segments(*topics),
        listed(TrailState.lines, _row, header=say("admin.tab_trail"), nothing="admin.no_lines"),
        more(TrailState.cursor, TrailState.read_on),
    )
