"""What people write stays inside its own value of its own log line: no line, field or colour of its own."""

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
import structlog

from tests.people import init_data, member, tenant
from tg_assistant.core.group import profiles
from tg_assistant.infra.logging import logs
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Role

LINE = '{"event": "audit.FORGED", "level": "info", "user_id": "1"}'
PAYLOADS = {
    "newline": f"x\n{LINE}",
    "carriage return": f"x\r\n{LINE}\r",
    "line separators": f"x\u2028{LINE}\u2029{LINE}\x85{LINE}\x0b\x0c\x1c\x1d\x1e{LINE}",
    "ANSI": f"\x1b[2K\x1b[1A\x1b[31mFORGED\x1b]0;FORGED\x07 \x9b2J {LINE}",
    "end of the value": '","event":"audit.FORGED","x":"',
    "end of the line": f'"}}\n{LINE}',
    "a field": " level=critical event=FORGED user_id=1",
    "a format": "%s %(levelname)s {event} {0.__class__} %n",
    "turned around": "\u202eDEGROF\u2066 \u200f\ufeff",
    "half a character": f"\ud83d\n{LINE}",
    "NUL": f"\x00\n{LINE}",
}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")
Said = Callable[[], list[str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Said]:
    """Logging as the processes have it; what was written since, by lines."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("INFO", process="test")
    structlog.configure(cache_logger_on_first_use=False)  # a module's logger would keep this test's for ever
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    for handler in root.handlers:
        cast("logging.StreamHandler[io.TextIOWrapper]", handler).setStream(stream)

    def lines() -> list[str]:
        on_terminal = capsys.readouterr().err
        assert "Logging error" not in on_terminal, on_terminal
        written = cast(io.BytesIO, stream.buffer).getvalue().decode() + on_terminal
        return [line for line in written.split("\n") if line]

    yield lines
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def checked(lines: list[str]) -> list[dict[str, Any]]:
    """Each is one JSON object on one line, to every reader, and nothing in it was forged."""
    events = [json.loads(line) for line in lines]
    for line, event in zip(lines, events, strict=True):
        assert not CONTROL.search(line) and line.splitlines() == [line], ascii(line)
        assert "FORGED" not in str(event["event"]) or event["logger"] == "t", line
        assert len(json.JSONDecoder(object_pairs_hook=list).decode(line)) == len(event), line
    return events


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_in_json(said: Said, payload: str) -> None:
    """In values, inside values, in words of the standard library's loggers, and in exceptions."""
    log, plain = structlog.get_logger("t"), logging.getLogger("t")
    log.info("something.happened", name=payload, nested={"title": [payload]})
    plain.warning("asked by %s", payload)
    plain.warning(payload.replace("%", "%%"), extra={"title": payload})
    try:
        raise RuntimeError(payload)
    except RuntimeError:
        log.exception("something.failed", path=payload)
    first, second, third, fourth = checked(said())
    assert first.keys() == {"event", "name", "nested", "level", "logger", "timestamp", "process"}
    assert first["name"] == payload == first["nested"]["title"][0] and first["level"] == "info"
    assert second["event"] == f"asked by {payload}" and second["level"] == "warning"
    assert third["title"] == payload and fourth["path"] == payload and fourth["level"] == "error"
    assert fourth["exception"].startswith("Traceback")


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_on_a_terminal(said: Said, payload: str) -> None:
    """The commands' lines: one each, values quoted where they could be taken for fields; traces indented."""
    logs.configure_terminal(logging.INFO)
    log = structlog.get_logger()
    log.info("something.happened", name=payload)
    log.info(payload)
    try:
        raise RuntimeError(payload)
    except RuntimeError:
        log.exception("something.failed", path=payload)
    lines = said()
    heads = [line for line in lines if not line.startswith("  | ")]
    assert len(heads) == 3 and all(re.match(r"\d{4}-\d\d-\d\d .* \[(info|error)", head) for head in heads)
    assert not [line for line in lines if CONTROL.search(line) or line.splitlines() != [line]]
    quoted = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
    for head in heads:
        fields = re.findall(r"(\w+)=", quoted.sub("", head))
        assert set(fields) <= {"name", "path", "process"}, head


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
async def test_through_the_doors(
    http: httpx.AsyncClient, rt: Runtime, said: Said, monkeypatch: pytest.MonkeyPatch, payload: str
) -> None:
    """Names, codes, notes, questions, addresses and headers; also where a request fails and is logged."""
    who = 93_000 + list(PAYLOADS.values()).index(payload)
    async with rt.db.transaction() as db:
        await member(db, await tenant(db), who, Role.admin)
    text = payload.encode("utf-8", "replace").decode()
    raw = {
        name: text.encode() for name in ("User-Agent", "X-Request-ID", "Accept-Language", "X-Forwarded-For")
    }
    person = {"id": who, "first_name": text.replace("\x00", ""), "username": "x"}
    signed = await http.post(
        "/api/auth/telegram-webapp",
        json={"init_data": init_data(person, query_id=uuid4().hex)},
        headers=raw,
    )
    own = {**raw, "Authorization": f"Bearer {signed.json()['access_token']}".encode()}

    async def send(method: str, path: str, body: Any = None) -> httpx.Response:
        content = json.dumps(body) if body is not None else None
        headers = {**own, "Content-Type": b"application/json"}
        return await http.request(method, path, content=content, headers=headers)

    note = {"notes": payload.replace("\x00", "").encode("utf-8", "ignore").decode()}
    answers = [
        await send("POST", "/api/rag/query", {"query": f"Who wrote {payload}"}),
        await send("POST", "/api/invites/redeem", {"code": payload[:100]}),
        await send("POST", "/api/admin/invites", note),
        await send("POST", "/api/channels", {"username": payload[:100]}),
        await send("POST", "/api/tg/qr/start", {"client_meta": {"device": payload}}),
        await send("GET", f"/api/search?q={quote(text)}"),
        await send("GET", f"/api/admin/invites/{quote(text, safe='')}"),
        await send("GET", f"/api/{quote(text, safe='')}"),
        await send("POST", "/api/graphql", {"query": payload}),
    ]
    assert all(answer.status_code < 500 for answer in answers), answers

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(payload)

    monkeypatch.setattr(profiles, "get", broken)
    failed = await send("GET", f"/api/users/{who}?{quote(text)}")
    assert failed.status_code == 500 and "FORGED" not in failed.text
    events = checked(said())
    assert [event for event in events if event["event"] == "request.failed"]
    assert len([event for event in events if event["event"].startswith("audit.")]) >= 3
    assert {event["process"] for event in events} == {"test"}
    assert not [event for event in events if "FORGED" in str(event.get("request_id"))]
