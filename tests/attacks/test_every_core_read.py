"""Every public function of core that takes an actor, called by people whom the objects do not belong to.

The functions are found, not listed: a new one is attacked as it stands, and one with a parameter that has no
entry in VALUES fails here until somebody says what to pass.
"""

import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.attacks import victim
from tests.attacks.victim import MARK, World
from tg_assistant import core
from tg_assistant.core.access.one_time_links import Purpose
from tg_assistant.core.actor import Actor
from tg_assistant.core.answers import question
from tg_assistant.core.answers.composing import Reader
from tg_assistant.core.exports.files import Form
from tg_assistant.errors import AssistantError
from tg_assistant.infra.clock import SYSTEM
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Feed, Role

# What to pass, by a parameter's name: the victim's own where it names an object.
VALUES: dict[str, Callable[[World], Any]] = {
    **{
        name: lambda world, name=name: world.ids[name]
        for name in (
            *("account_id", "channel_id", "code", "login_id", "post_id", "question_id", "session_id"),
            *("task_id", "tenant_id", "user_id"),
        )
    },
    "post_ids": lambda world: [world.ids["post_id"]],
    "question_ids": lambda world: [world.ids["question_id"]],
    "channel_ids": lambda world: [world.ids["channel_id"]],
    "ids": lambda world: [world.ids["user_id"]],
    "among": lambda world: [world.ids["channel_id"]],
    "question": lambda world: f"Where is {MARK}?",
    "query": lambda world: MARK,
    "who": lambda world: world.ids["telegram_id"],
    "telegram_id": lambda world: world.ids["telegram_id"],
    "job_id": lambda world: 1,
    "paused": lambda world: True,
    "version": lambda world: 1,
    "language": lambda world: "ru",
    "name": lambda world: "answers",
    "enabled": lambda world: True,
    "running": lambda world: True,
    "days": lambda world: {"posts": 1},
    "seconds": lambda world: 0.1,
    "cursor": lambda world: None,
    "status": lambda world: None,
    "role": lambda world: Role.user,
    "least": lambda world: Role.user,
    "was": lambda world: Role.owner,
    "to": lambda world: Role.user,
    "purpose": lambda world: Purpose.admin,
    "limit": lambda world: 100,
    "places": lambda world: [(world.ids["channel_id"], "https://t.me/c/1/1")],
    "answer": lambda world: {"answer": "attack"},
    "form": lambda world: Form.json,
    "asked": lambda world: question.understand(f"Where is {MARK}?", SYSTEM.now()),
    "reader": lambda world: Reader(SYSTEM.now(), "ru"),
    "wanted": lambda world: {"channel_ids": [world.ids["channel_id"]]},
    "now": lambda world: SYSTEM.now(),
    "feed_id": lambda world: world.ids["feed_id"],
    "feed": lambda world: Feed(id=world.ids["feed_id"], channel_id=world.ids["channel_id"]),
}
# Functions that change what they are given or only serve others, with the reason they are not called here.
NOT_CALLED = {
    "actor.scoped": "builds a query; every read stands on it",
    "group.tenants.name_of": "the actor's own group, whose name its members see",
    "audit.record": "writes a line about the actor's own act",
    "answers.answers.finish": "takes the row that `begin` wrote for the actor; `ask` walks both",
    "answers.conversation.resolve": "takes the row that `begin` wrote for the actor; `ask` walks it",
    "answers.style.given": "core's own: the question was just written by the actor",
    "answers.style.asked_again": "core's own: looks at the actor's last question",
    "rollout.experiments.record_exposure": "core's own: counts for the actor's own variant",
    "rollout.experiments.record_outcome": "core's own: counts for the actor's own variant",
    "rollout.experiments.variant": "core's own: which variant the actor has",
    "privacy.erasure.erase": "erases the actor, who would be missing afterwards; it has tests of its own",
    "answers.question_log.withhold": "takes out of rows that `page`, `get` or the export read for the actor",
    "access.revocation.watched": "wraps somebody else's items",
    "answers.tries.give_up": "core's own: the row was read for the actor",
    "answers.showing.watched": "wraps somebody else's events; tests/attacks/test_every_way_out.py",
}
# What changes the attacker's own tenant and nothing else is right to succeed; the victim's rows are compared.
OPTIONAL = ("limit", "cursor", "status", "role")


@dataclass(frozen=True)
class Found:
    name: str
    call: Callable[..., Any]

    def __str__(self) -> str:
        return self.name


def _takes_actor(function: Any) -> bool:
    return "actor" in inspect.signature(function).parameters


def _functions() -> list[Found]:
    found = []
    for info in pkgutil.walk_packages(core.__path__, f"{core.__name__}."):
        module = importlib.import_module(info.name)
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            if own and not name.startswith("_") and _takes_actor(function):
                found.append(Found(f"{info.name.removeprefix(core.__name__ + '.')}.{name}", function))
    return found


FUNCTIONS = _functions()


@pytest.fixture(scope="module")
async def world(rt: Runtime) -> World:
    return await victim.make(rt)


def _arguments(function: Any, world: World) -> dict[str, Any]:
    given = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ("db", "rt", "actor") or parameter.kind is parameter.VAR_KEYWORD:
            continue
        known = VALUES.get(name)
        if parameter.default is parameter.empty:
            assert known, f"{function.__qualname__}: say in VALUES what a foreign {name!r} is"
        if known and (parameter.default is parameter.empty or name not in OPTIONAL):
            given[name] = known(world)
    return given


async def _outcome(rt: Runtime, function: Any, actor: Actor, given: dict[str, Any]) -> str | AssistantError:
    """All the actor gets as text, or the error; what it wrote is rolled back if the transaction is ours."""
    names = inspect.signature(function).parameters
    try:
        if "rt" in names:
            return _everything(await _finished(function(rt, actor, **given)))
        async with rt.db.transaction(actor.tenant_id) as db:
            shown = _everything(await _finished(function(db, actor, **given)))  # a rollback empties the rows
            await db.rollback()
            return shown
    except AssistantError as error:
        return error


async def _finished(result: Any) -> Any:
    if isinstance(result, AsyncIterator):
        return [item async for item in result]
    return await result if inspect.isawaitable(result) else result


@pytest.mark.parametrize("found", [f for f in FUNCTIONS if f.name not in NOT_CALLED], ids=str)
async def test_nobody_reads_what_is_not_theirs(rt: Runtime, world: World, found: Found) -> None:
    """Refused in words, or an answer without anything of the victim's; and nothing of theirs is changed."""
    before = await world.snapshot(rt)
    given = _arguments(found.call, world)
    for role, attacker in world.attackers.items():
        outcome = await _outcome(rt, found.call, attacker, given)
        if isinstance(outcome, AssistantError):
            assert outcome.status < 500, (role, outcome)
            assert MARK not in str(outcome.values) or MARK in str(given), (role, outcome)
        else:
            assert not _shows(outcome, given), (role, outcome)
    assert await world.snapshot(rt) == before


def _shows(text: str, given: dict[str, Any]) -> bool:
    """Whether the mark is anywhere in it, besides in the attacker's own words given back."""
    for own in given.values():
        if isinstance(own, str):
            text = text.replace(own, "")
    return MARK in text


def _everything(value: Any, depth: int = 0) -> str:
    """The fields of objects, rows and lists as text, a few levels deep."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return " ".join(_everything(item, depth + 1) for pair in value.items() for item in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(_everything(item, depth + 1) for item in value)
    if hasattr(value, "__dict__") and depth < 6:
        return f"{value!r} {_everything(vars(value), depth + 1)}"
    return str(value)


async def test_the_owner_of_it_all_reads_it(rt: Runtime, world: World) -> None:
    """The attack itself is sound: the same calls by the victim show the mark."""
    seen = set()
    for found in FUNCTIONS:
        if found.name in NOT_CALLED or not found.name.endswith(
            (".get", ".list_", ".history", ".newest", ".page")
        ):
            continue
        outcome = await _outcome(rt, found.call, world.victim, _arguments(found.call, world))
        if not isinstance(outcome, AssistantError) and _shows(outcome, {}):
            seen.add(found.name)
    for read in ("channels.channels.get", "channels.channels.list_", "posts.posts.get", "posts.posts.list_"):
        assert read in seen
    assert "answers.question_log.page" in seen


def test_what_is_not_called_still_exists() -> None:
    """An exemption goes when its function goes."""
    assert set(NOT_CALLED) <= {found.name for found in FUNCTIONS}
    assert len(FUNCTIONS) >= 90
