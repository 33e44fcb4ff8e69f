"""Feature flags and experiments of the group. Test ids: flag (data-name), flag-switch, trial, trial-50."""

from typing import Any, TypedDict

import reflex as rx

from tg_assistant.components.controls import segment, segments, switch
from tg_assistant.components.formatting import ago
from tg_assistant.components.i18n import say
from tg_assistant.components.lists import cell, section
from tg_assistant.components.panel import listed
from tg_assistant.core.rollout import experiments, flags
from tg_assistant.core.rollout.experiments import Sums, TrialState
from tg_assistant.core.rollout.flags import FlagState
from tg_assistant.page_context import actor_transaction, administering
from tg_assistant.state import SessionState
from tg_assistant.template import panel_page
from tg_assistant.texts import text

_SHARES = (0, 10, 50, 100)


class FlagRow(TypedDict):
    name: str
    title: str
    detail: str
    enabled: bool


class Variant(TypedDict):
    name: str
    result: str


class TrialRow(TypedDict):
    """An experiment; `share` in percent of the people, 0 when it is not running."""

    name: str
    title: str
    detail: str
    share: int
    variants: list[Variant]


class SwitchesState(rx.State):
    """Flags and experiments."""

    flags: list[FlagRow] = []  # noqa: RUF012 - Reflex copies defaults
    trials: list[TrialRow] = []  # noqa: RUF012

    @rx.event
    async def load(self) -> Any:
        await self._read()
        return SessionState.loaded

    @rx.event
    async def set_flag(self, name: str, enabled: bool) -> None:
        async with administering(self) as (db, actor):
            await flags.set_(db, actor, name, enabled)
        await self._read()

    @rx.event
    async def set_share(self, name: str, share: int) -> None:
        """Set the percentage of people that take part; 0 stops the experiment and keeps its results."""
        async with administering(self) as (db, actor):
            if share:
                await experiments.set_(db, actor, name, running=True, share=share)
            else:
                await experiments.set_(db, actor, name, running=False)
        await self._read()

    async def _read(self) -> None:
        async with actor_transaction(self) as (db, actor):
            self.flags = [_flag(one, actor.language) for one in await flags.list_(db, actor)]
            self.trials = [_trial(one, actor.language) for one in await experiments.list_(db, actor)]


def _flag(one: FlagState, language: str) -> FlagRow:
    name = one.flag.name
    detail = text(f"admin.flag_{name}_hint", language)
    if one.changed_at is not None:
        detail = f"{detail} {text('admin.changed', language, when=ago(one.changed_at, language))}"
    return FlagRow(name=name, title=text(f"admin.flag_{name}", language), detail=detail, enabled=one.enabled)


def _trial(one: TrialState, language: str) -> TrialRow:
    name = one.trial.name
    variants = [
        Variant(
            name=text(f"admin.trial_{name}_{variant}", language),
            result=_result(sums, language),
        )
        for variant, sums in one.results.items()
    ]
    return TrialRow(
        name=name,
        title=text(f"admin.trial_{name}", language),
        detail=text(f"admin.trial_{name}_hint", language),
        share=one.share if one.started_at is not None else 0,
        variants=variants,
    )


def _result(sums: Sums, language: str) -> str:
    answers = text("admin.trial_answers", language, n=sums.exposures)
    again = text("admin.trial_again", language, n=sums.outcomes)
    return text("admin.trial_result", language, answers=answers, again=again)


def _flag_row(one: FlagRow) -> rx.Component:
    return cell(
        one["title"],
        subtitle=one["detail"],
        right=switch(
            one["enabled"],
            one["title"],
            on_click=SwitchesState.set_flag(one["name"], rx.cond(one["enabled"], False, True)),
            data_testid="flag-switch",
        ),
        style="wrapped",
        data_testid="flag",
        data_name=one["name"],
    )


def _trial_card(one: TrialRow) -> rx.Component:
    shares = [
        segment(
            say("admin.trial_off") if share == 0 else f"{share}%",
            one["share"] == share,
            on_click=SwitchesState.set_share(one["name"], share),
            data_testid=f"trial-{share}",
        )
        for share in _SHARES
    ]
    return rx.el.div(
        section(
            cell(one["title"], subtitle=one["detail"], style="wrapped"),
            rx.foreach(one["variants"], lambda variant: cell(variant["name"], subtitle=variant["result"])),
            header=say("admin.trials"),
        ),
        segments(*shares),
        data_testid="trial",
    )


@panel_page("switches", load=SwitchesState.load)
def switches_page() -> rx.Component:
    """Flags first, then experiments."""
    return rx.fragment(
        listed(SwitchesState.flags, _flag_row, header=say("admin.flags"), nothing="admin.no_flags"),
        rx.foreach(SwitchesState.trials, _trial_card),
    )
