"""Requests generated from the API's own document, as every kind of caller: no 5xx, no undocumented answer."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import served
from tests.people import PUBLIC_KEY, init_data, member, tenant
from tg_assistant.infra.db import Database
from tg_assistant.models import Role
from tg_assistant.settings import Settings

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method"
)
# they end the caller's session or account, and everything after them would be refused; tests/api walks them
# no bot server stands behind this API: /health/bot says so with 503, as it should
UNTRIED = ("/health/bot", "/api/auth/logout", "/api/auth/refresh", "/api/users/me/sessions/{session_id}")
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


def _token(url: str, telegram_id: int) -> str:
    data = init_data({"id": telegram_id, "first_name": "P"}, query_id=os.urandom(8).hex())
    answer = httpx.post(f"{url}/api/auth/telegram-webapp", json={"init_data": data}, trust_env=False)
    return answer.json()["access_token"]


def _generated(url: str, token: str, form: tuple[str, int], folder: Path) -> tuple[bool, int, str]:
    """Runs schemathesis on the live document; whether all went well, how many requests, its report."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{url}/openapi.json"]
    command += ["--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--seed", "1"]
    command += ["--phases", form[0], "--max-examples", str(form[1]), "--no-color"]
    for path in UNTRIED:
        command += ["--exclude-path", path]
    command += ["--exclude-path-regex", "/users/me$", "--request-timeout", "20", "--max-failures", "20"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=1500, check=False)
    said = ran.stdout + ran.stderr
    generated = re.search(r"(\d+) generated", said)
    return ran.returncode == 0, int(generated[1]) if generated else 0, said
