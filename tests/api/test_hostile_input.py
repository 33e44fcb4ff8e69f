"""Each field and parameter of the API's own document with all that is hard to hold: a refusal in words.

The places are read from the document: a new one is tried without anybody having to think of it.
"""

import logging
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.api import hostile
from tests.api.caller import Answer, Caller
from tests.api.hostile import Operation, Place
from tests.attacks import victim
from tests.servers import all_tenants
from tg_assistant.api.app import create_api
from tg_assistant.infra import fair_queue

_APP = create_api(lambda: None)
DOCUMENT = _APP.openapi()
OPERATIONS = hostile.operations(DOCUMENT)
FIRST = 8_900_000
# they say 503 where neither bot nor ingest runs, as here
NEED_NEIGHBOURS = {"/health/bot", "/health/auth", "/api/admin/invites/{code}/qr"}
ROLES = ("user", "admin", "owner")


@pytest.fixture(autouse=True)
def _room(rt: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked here is cut off at once and answered all the same: more than a person's eight."""
    monkeypatch.setattr(fair_queue, "PER_PERSON", 10_000)
    monkeypatch.setattr(rt.turns, "_per_person", 10_000)


@pytest.fixture(scope="module")
async def callers(http: Any, rt: Any, sign_in: Any) -> dict[str, Caller]:
    """By role, each in a group of their own, with one of everything; Telegram has nothing left to say."""
    app, found = create_api(lambda: rt), {}
    for number, role in enumerate(ROLES):
        world = await victim.make(rt, FIRST + 100 * number)
        async with all_tenants(rt) as db:
            raised = text("UPDATE memberships SET role = :role, plan = 'unlimited' WHERE user_id = :user")
            await db.exec(raised.bindparams(role=role, user=world.victim.user_id))
            for settled in ("logins SET status = 'cancelled'", "accounts SET dialogs_at = now()"):
                await db.exec(text(f"UPDATE {settled}"))
        found[role] = Caller(app, DOCUMENT, await sign_in(world.victim.telegram_id), world.ids)
    return found


def _surprise(operation: Operation, place: Place | None, value: Any, answer: Answer) -> str | None:
    """What is wrong with an answer, in words."""
    if answer.status >= 500:
        return "a failure of ours"
    if answer.status in (401, 429) and not operation.path.startswith("/api/auth/"):
        return "not tried at all"
    elsewhere = place is not None and place.where == "path" and value == ""
    if answer.status not in operation.statuses and not elsewhere:
        return "not in the document"
    if answer.status >= 400 and answer.media not in operation.refusals(answer.status):
        return f"a refusal as {answer.media}"
    return None


def _tries(operation: Operation) -> list[tuple[Place | None, Any]]:
    found: list[tuple[Place | None, Any]] = []
    for place in hostile.places(operation, DOCUMENT):
        found += [(place, value) for value in place.values()]
    return found + [(None, body) for body in (hostile.BODIES if operation.body is not None else ())]


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if _tries(each)], ids=str)
async def test_nothing_a_caller_sends_is_a_surprise(
    callers: dict[str, Caller], caplog: pytest.LogCaptureFixture, operation: Operation
) -> None:
    """As user, admin and owner: a documented answer, a refusal in words, no failure in the log."""
    surprises = []
    for role, caller in callers.items():
        for place, value in _tries(operation):
            with capture_logs() as lines:
                answer = await caller.tries(operation, place, value)
            wrong = _surprise(operation, place, value, answer)
            failed = [line for line in lines if line["log_level"] in ("error", "critical")]
            if wrong or failed:
                tried = (role, place and (place.where, *place.name), repr(value)[:60])
                surprises.append((wrong, *tried, answer.status, answer.body[:200], str(failed)[:300]))
    assert not surprises, "\n".join(map(str, surprises[:20])) + f"\n{len(surprises)} in all"
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


@pytest.mark.parametrize("role", ROLES)
async def test_what_was_kept_of_it_can_be_read(callers: dict[str, Caller], role: str) -> None:
    """After all of that each list and object still answers: nothing in the tables is unreadable."""
    nowhere = Place("none", ("",), frozenset())
    asked = {each.path: each for each in OPERATIONS if each.method == "GET"}
    said = {path: await callers[role].tries(each, nowhere, "") for path, each in asked.items()}
    failed = {path for path, answer in said.items() if answer.status >= 500}
    assert failed <= NEED_NEIGHBOURS
    missing = {path: answer.status for path, answer in said.items() if answer.status != 200}
    assert len(missing) < (24 if role == "user" else 10), missing


HIDDEN = ("/tg/connect/{t}", "/admin/login/{t}", "/api/{t}", "/docs/static/{t}", "/tg/connect/static/{t}")


@pytest.mark.parametrize("path", HIDDEN)
async def test_addresses_outside_of_the_document(callers: dict[str, Caller], path: str) -> None:
    """One-time links, files and addresses of nothing, asked for in the same words."""
    place = Place("path", ("t",), frozenset())
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        operation = Operation(method, path, {"parameters": [{"name": "t", "in": "path"}], "responses": {}})
        for value in (*hostile.STRINGS, *hostile.CURSORS[:8], str(uuid4())):
            answer = await callers["user"].tries(operation, place, value)
            assert answer.status < 500, (method, value[:40], answer.body)


def test_the_document_has_places_to_try() -> None:
    """The generated cases reach every kind of place."""
    found = [place for each in OPERATIONS for place in hostile.places(each, DOCUMENT)]
    assert {place.where for place in found} == {"path", "query", "header", "cookie", "body"}
    assert {"string", "integer", "date-time", "uuid", "boolean"} <= {
        k for place in found for k in place.kinds
    }
    assert ("client_meta", "key") in {place.name for place in found}
    assert ("channel_ids", 0) in {place.name for place in found}
    assert len(found) > 150
