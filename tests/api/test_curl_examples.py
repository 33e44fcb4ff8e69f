"""The documents of the API: its description is the running one, and the curl examples do what they say."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.corpus import a_channel, a_reader, a_tenant
from tests.live import served
from tests.people import init_data
from tg_assistant.cli.openapi import PLACE, written
from tg_assistant.core.retrieval import indexing

ROOT = Path(__file__).parents[2]
README = ROOT / "docs" / "api" / "README.md"
NEWS = ["The night ferry to the islands leaves at 23:40 from pier 4.", "The pool is closed on Monday."]
needs_tools = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="the examples need curl and jq"
)


def test_the_description_is_up_to_date() -> None:
    """docs/api/openapi.json is what the running API says; write it with `tg-assistant openapi`."""
    assert (ROOT / PLACE).read_text() == written()


def test_every_call_says_how_it_fails() -> None:
    """Each operation has a tag, words, an answer, and problem documents for what it may refuse."""
    document = json.loads(written())
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    lacking = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            refusals = {s: r for s, r in operation["responses"].items() if s >= "400"}
            if "429" in refusals:
                assert {"Retry-After", "RateLimit-Policy", "RateLimit"} <= refusals["429"]["headers"].keys()
            said = operation.get("tags") and operation.get("description")
            signed = {"bearer": []} not in operation.get("security", []) or {"401", "403"} <= refusals.keys()
            described = all("content" in refusal for refusal in refusals.values())
            if not (said and signed and described and (refusals or path == "/health")):
                lacking.append((method, path))
    assert not lacking


@needs_tools
async def test_the_curl_examples_run(rt, settings) -> None:
    """Every ```sh block of docs/api/README.md, in order, in one shell that stops at the first failure."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, NEWS, number=73)
    await indexing.index_dirty(rt, where.id)
    await a_reader(rt, where, 73_001, [channel.id])
    script = "\n".join(
        ["set -euo pipefail", *re.findall(r"^```sh\n(.*?)^```", README.read_text(), re.M | re.S)]
    )
    with served(settings) as url:
        user = {"id": 73_001, "first_name": "Anna", "language_code": "en"}
        known = {
            "URL": url,
            "INIT_DATA": init_data(user),
            "NO_PROXY": "127.0.0.1",
            "PATH": os.environ["PATH"],
        }
        command = partial(subprocess.run, capture_output=True, text=True, timeout=120, check=False)
        ran = await asyncio.to_thread(command, ["bash", "-c", script], env=known)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-500:]
    assert script.count("curl ") >= 15 and "23:40" in ran.stdout
