"""Every error that is raised anywhere, at every door: its own status, a whole sentence, nothing lost."""

import ast
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import reflex as rx
from sqlmodel import select
from starlette.requests import Request

from bot.words import error_line
from tests.corpus import a_reader, a_tenant
from tests.followed import account
from tg_assistant import errors, texts
from tg_assistant.api.graphql import route as graphql
from tg_assistant.api.problems import on_assistant_error
from tg_assistant.cli import door
from tg_assistant.core.accounts import tasks
from tg_assistant.core.names import TaskKind
from tg_assistant.errors import AssistantError
from tg_assistant.models import Account, AccountTask
from tg_assistant.state import SessionState
from tg_assistant.tg_assistant import notice_for

ROOT = Path(__file__).parents[1]
KINDS = {kind.__name__: kind for kind in AssistantError.__subclasses__()}
STANDARD = {"type", "title", "status", "detail", "instance", "code", "request_id"}  # RFC 9457, and our two
VALUE = "<b>7 & half a \ud83d</b>"
DOORS_OWN = {"access.signed_out", "access.disabled"}  # the page leads on instead of saying them
ENDS = ("database.unavailable",)  # the terminal says it in words of its own


@dataclass(frozen=True)
class Raised:
    """A call that makes an error, as it stands in the source."""

    kind: str
    code: str
    values: frozenset[str]
    place: str

    def __str__(self) -> str:
        return f"{self.code}-{self.place}"

    def make(self) -> AssistantError:
        given: dict[str, Any] = dict.fromkeys(self.values, VALUE)
        if self.kind == "LimitReached":
            given |= {"policy": ("rule", 3, 60), "retry_after": 5.2}
        return KINDS[self.kind](self.code, **given)


def _raised() -> list[Raised]:
    found = []
    for package in ("tg_assistant", "bot", "ingest"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and (made := _made(node, f"{path.stem}:{node.lineno}")):
                    found.append(made)
    return found


def _made(node: ast.Call, place: str) -> Raised | None:
    name = ast.unparse(node.func).rpartition(".")[2]
    first = node.args[0] if node.args else None
    if name not in KINDS or not isinstance(first, ast.Constant):
        return None
    named = {each.arg for each in node.keywords if each.arg} - {"policy", "retry_after"}
    return Raised(name, str(first.value), frozenset(named), place)


RAISED = _raised()


def test_the_errors_are_found() -> None:
    """The walk sees the tree's kinds; what is raised with a computed code is counted, so that few are."""
    assert len(RAISED) > 100
    assert {each.kind for each in RAISED} == set(KINDS)


@pytest.mark.parametrize("raised", RAISED, ids=str)
async def test_every_door_says_it(raised: Raised) -> None:
    """REST, GraphQL, the bot, a page and the terminal: each in both languages, each with its values."""
    error = raised.make()
    key = f"errors.{error.code}"
    assert texts.has(key), "no sentence"
    assert not raised.values & STANDARD, "a value of this name would replace what each problem document has"
    for language in texts.LANGUAGES:
        answer = await on_assistant_error(_request(language), error)
        assert (answer.status_code, answer.media_type) == (error.status, "application/problem+json")
        told = graphql._told(error, language)
        assert told.extensions["code"] == error.code and told.extensions["status"] == error.status
        assert "{" not in told.message
        assert "{" not in error_line(error, language)
    if error.code not in ENDS:
        assert door.sentence(error) == texts.text(key, "en", **error.values)


@pytest.mark.parametrize("raised", [each for each in RAISED if each.code not in DOORS_OWN], ids=str)
async def test_a_page_says_it(raised: Raised) -> None:
    """As the notice that rises, never the general sentence."""
    event = notice_for(raised.make())
    assert event is not None
    code, values, reference = _arguments(event)
    root: Any = rx.State(_reflex_internal_init=True)
    session = root.get_substate(SessionState.get_full_name().split("."))
    await SessionState.fail.fn(session, code, values, reference)
    assert session.notice["text"] == texts.text(f"errors.{raised.code}", "en", **values)


def _arguments(event: Any) -> list[Any]:
    return [value._var_value for _, value in event.args]


def _request(language: str) -> Request:
    scope = {"type": "http", "method": "GET", "path": "/api/x", "headers": [], "query_string": b""}
    return Request(scope | {"state": {"language": language, "request_id": "r"}, "app": SimpleNamespace()})


@pytest.mark.parametrize("kind", KINDS)
async def test_an_error_of_ingest_keeps_its_class(rt: Any, kind: str) -> None:
    """What a task ended in rises at the door as what it was: two kinds share 409."""
    tenant = await a_tenant(rt)
    actor = await a_reader(rt, tenant, uuid4().int >> 80, [])
    wait: Any = {"retry_after": 5.2} if kind == "LimitReached" else {}
    error = KINDS[kind]("tasks.not_found", max=3, **wait)
    async with rt.db.transaction(tenant.id) as db:
        await account(db, actor)
        own = (await db.exec(select(Account.id).where(Account.user_id == actor.user_id))).one()
        task = await tasks.add(db, own, TaskKind.resolve)
        await tasks.close(db, task, error)
    async with rt.db.transaction(tenant.id) as db:
        kept = (await db.exec(select(AccountTask).where(AccountTask.id == task.id))).one()
    with pytest.raises(KINDS[kind]) as risen:
        tasks.outcome(kept)
    assert type(risen.value) is KINDS[kind]
    assert (risen.value.code, risen.value.retry_after) == (error.code, error.retry_after)
    assert risen.value.values.keys() == {"max"}


def test_no_error_is_outside_the_tree() -> None:
    """Every kind is a direct child of the one that doors render, with a status that documents name."""
    assert {kind.status for kind in KINDS.values()} == {401, 403, 404, 409, 410, 422, 429, 503}
    assert errors.AssistantError.status == 500
