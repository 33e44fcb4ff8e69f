"""Requests generated from the API's own document, as every kind of caller: no 5xx, no undocumented answer."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis.checks import not_a_server_error

from tests.live import served
from tests.people import PUBLIC_KEY, init_data, member, tenant
from tg_assistant.api.second_screen.browser import REFRESH_COOKIE
from tg_assistant.infra.postgres.db import Database
from tg_assistant.models import Role
from tg_assistant.settings.groups import Settings

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method"
)
# They end the caller's session or account: each request of theirs has a caller of its own (ENDING).
# Neither bot nor ingest stands beside this API: its health says so with 503, and is tried by itself.
NEED_NEIGHBOURS = ("/health/bot", "/health/auth")
APART = (*NEED_NEIGHBOURS, "/api/auth/logout", "/api/auth/refresh", "/api/users/me/sessions/{session_id}")
ENDING = (
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/refresh"),
    ("DELETE", "/api/users/me"),
    ("DELETE", "/api/users/me/sessions/{session_id}"),
)
NEXT = iter(range(91_000, 99_999))
CALLERS = {"user": 90_001, "admin": 90_002, "stranger": 90_003}
SHORT, LONG = ("examples,fuzzing", 3), ("examples,coverage,fuzzing", 60)  # phases, requests an operation


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    telegram = settings.telegram.model_copy(update={"init_data_public_key": PUBLIC_KEY})
    return settings.model_copy(update={"telegram": telegram})


@pytest.fixture(scope="module")
def url(settings: Settings) -> Iterator[str]:
    asyncio.run(_people(settings))
    with served(settings) as address:
        yield address


async def _joined(settings: Settings, telegram_id: int, role: Role | None) -> None:
    """Somebody in a group of their own; without a role they are in none."""
    if role is None:
        return
    db = Database(settings.database.url.get_secret_value(), pool_size=1)
    async with db.transaction() as session:
        await member(session, await tenant(session), telegram_id, role)
    await db.close()


async def _people(settings: Settings) -> None:
    db = Database(settings.database.url.get_secret_value())
    async with db.transaction() as session:
        where = await tenant(session)
        await member(session, where, CALLERS["user"])
        await member(session, where, CALLERS["admin"], Role.admin)
    await db.close()


@pytest.mark.timeout(1800)  # at full length
@pytest.mark.parametrize("caller", CALLERS)
def test_no_surprise_and_nothing_undocumented(url: str, caller: str, at_length: bool, tmp_path: Path) -> None:
    """Valid and broken requests for every operation: each answer is one the document has."""
    passed, cases, said = _generated(
        url, _token(url, CALLERS[caller]), LONG if at_length else SHORT, tmp_path
    )
    assert passed, said[-6000:]
    assert cases >= (4000 if at_length else 100)


@pytest.mark.timeout(600)  # at full length
@pytest.mark.parametrize(("method", "path"), ENDING)
def test_what_ends_its_caller(url: str, settings: Settings, method: str, path: str, at_length: bool) -> None:
    """The same for the calls that end a session or erase a person: a throw-away caller for each request."""
    operation = schemathesis.openapi.from_url(f"{url}/openapi.json")[path][method]
    statuses = set()

    @hypothesis.settings(
        max_examples=150 if at_length else 12,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(
        case=operation.as_strategy(),
        role=strategies.sampled_from((None, Role.user, Role.admin, Role.owner)),
        own=strategies.booleans(),
    )
    def tried(case: Any, role: Role | None, own: bool) -> None:
        who = next(NEXT)
        asyncio.run(_joined(settings, who, role))
        signed = _signed_in(url, who)
        headers = {"Authorization": f"Bearer {signed.json()['access_token']}"}
        cookies = {REFRESH_COOKIE: signed.cookies[REFRESH_COOKIE]} if own else {}
        if own and case.path_parameters:
            listed = httpx.get(f"{url}/api/users/me/sessions", headers=headers, trust_env=False, timeout=60)
            case.path_parameters["session_id"] = listed.json()["app"][0]["id"]
        answer = case.call(headers=headers, cookies=cookies, timeout=60)
        case.validate_response(answer)
        statuses.add(answer.status_code)

    tried()
    assert statuses & {200, 204}, statuses


@pytest.mark.parametrize("path", NEED_NEIGHBOURS)
def test_failing_health_is_as_described(url: str, path: str) -> None:
    """503 with the failing checks named, in the document's form."""
    operation = schemathesis.openapi.from_url(f"{url}/openapi.json")[path]["GET"]
    case = operation.Case()
    answer = case.call(timeout=60)
    case.validate_response(answer, excluded_checks=[not_a_server_error])
    assert answer.status_code == 503 and answer.json()["failing"]


def _signed_in(url: str, telegram_id: int) -> httpx.Response:
    data = init_data({"id": telegram_id, "first_name": "P"}, query_id=os.urandom(8).hex())
    return httpx.post(
        f"{url}/api/auth/telegram-webapp", json={"init_data": data}, trust_env=False, timeout=60
    )


def _token(url: str, telegram_id: int) -> str:
    return _signed_in(url, telegram_id).json()["access_token"]


def _generated(url: str, token: str, form: tuple[str, int], folder: Path) -> tuple[bool, int, str]:
    """Runs schemathesis on the live document; whether all went well, how many requests, its report."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--seed", "1"]
    command += ["--phases", form[0], "--max-examples", str(form[1]), "--no-color"]
    for path in APART:
        command += ["--exclude-path", path]
    command += ["--exclude-path-regex", "/users/me$", "--request-timeout", "60", "--max-failures", "20"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500, check=False)
    said = ran.stdout + ran.stderr
    generated = re.search(r"(\d+) generated", said)
    return ran.returncode == 0, int(generated[1]) if generated else 0, said
