"""The group's jobs: those waiting, those held after their last try, and decisions about the held ones.

Test ids: queue-filter-…, job (with data-status), job-requeue, job-drop.
"""

from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import button, segment, segments
from tg_assistant.components.formatting import ago
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import cell
from tg_assistant.components.panel import listed, more
from tg_assistant.components.telegram import confirm_button
from tg_assistant.core.administration import job_queue
from tg_assistant.infra.postgres.job_table import QueuedJob
from tg_assistant.page_context import actor_transaction, administering
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import has, text


class Row(TypedDict):
    id: int
    name: str
    detail: str
    status: str


class QueueState(rx.State):
    """The jobs with one status, or all."""

    rows: list[Row] = []  # noqa: RUF012 - Reflex copies defaults
    cursor: str = ""
    status: str = ""

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return SessionState.loaded

    @rx.event
    async def choose_status(self, status: str) -> None:
        self.status = status if status in job_queue.STATES else ""
        await self._read()

    @rx.event
    async def read_on(self) -> None:
        await self._read(self.cursor)

    @rx.event
    async def requeue(self, job_id: int) -> None:
        async with administering(self) as (db, actor):
            await job_queue.requeue(db, actor, job_id)
        await self._read()

    @rx.event
    async def drop(self, job_id: int) -> None:
        async with administering(self) as (db, actor):
            await job_queue.drop(db, actor, job_id)
        await self._read()

    async def _read(self, cursor: str = "") -> None:
        async with actor_transaction(self) as (db, actor):
            found = await job_queue.list_(db, actor, status=self.status or None, cursor=cursor or None)
        shown = [_row_of(job, actor.language) for job in found.items]
        self.rows = [*self.rows, *shown] if cursor else shown
        self.cursor = found.next_cursor or ""


def _row_of(job: QueuedJob, language: str) -> Row:
    said = [text(f"admin.job_{job.status}", language), ago(job.created_at, language)]
    if job.attempts:
        said.append(text("admin.job_attempts", language, n=job.attempts))
    code = f"panel.job_{job.name}"
    name = text(code, language) if has(code) else job.name
    return Row(id=job.id, name=name, detail=" · ".join(said), status=job.status)


def _row(one: Row) -> rx.Component:
    decide = rx.el.div(
        button(
            say("admin.job_requeue"),
            style="plain small",
            on_click=QueueState.requeue(one["id"]),
            data_testid="job-requeue",
        ),
        confirm_button(
            say("admin.job_drop"),
            message=say("admin.job_drop_confirm"),
            on_confirm=QueueState.drop(one["id"]),
            class_name="tg-button danger small",
            data_testid="job-drop",
        ),
        class_name="tg-inline",
    )
    held = rx.cond(one["status"] == "held", decide, rx.fragment())
    return cell(
        one["name"],
        subtitle=one["detail"],
        right=held,
        style="wrapped",
        data_testid="job",
        data_status=one["status"],
    )


@panel_page("queue", load=QueueState.load)
def queue_page() -> rx.Component:
    """A filter by status, then the jobs."""
    states = [
        segment(
            say(f"admin.job_{status or 'all'}"),
            QueueState.status == status,
            on_click=QueueState.choose_status(status),
            data_testid=f"queue-filter-{status or 'all'}",
        )
        for status in ("", *job_queue.STATES)
    ]
    return rx.fragment(
        segments(*states),
        listed(
            QueueState.rows,
            _row,
            header=say("admin.tab_queue"),
            nothing="admin.no_jobs",
            footer=say("admin.queue_hint"),
        ),
        more(QueueState.cursor, QueueState.read_on),
    )
