"""No secret reaches a log line, whichever way it is logged."""

import json
import logging

import pytest
import structlog

from tg_assistant.infra.logging import logs

SECRETS = [
    ("event", {"refresh_token": "S3CRET"}),
    ("event", {"nested": {"password": "S3CRET"}}),
    ("calling https://api.telegram.org/bot123456:S3CRETS3CRETS3CRETS3CRETS3CRETS3CRET/getMe", {}),
    ("opened /tg/connect/S3CRET-link", {}),
    ("opened /admin/login/S3CRET-link", {}),
    ("failed", {"path": "/feeds/S3CRET-link"}),
    ("refused", {"path": "/admin/login/S3CRET-link"}),
    ("scan tg://login?token=S3CRET", {}),
    ("fragment #tgWebAppData=S3CRET&x=1", {}),
    ("postgresql://app:S3CRET@localhost/x", {}),
    ("bearer eyJhbGciOi.eyJzdWIiOi.S3CRET", {}),
    ("lost event {'answer': {'secret': 'S3CRET', 'device': 'phone'}}", {}),
]


@pytest.fixture(autouse=True)
def configured():
    """This test's logging, taken back afterwards so that no other test prints JSON."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.configure("INFO", process="test")
    yield
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(("event", "values"), SECRETS, ids=lambda v: str(v)[:20])
def test_secrets_are_hidden(capsys, event, values):
    """By key, inside nested values and inside sentences, from structlog and from the standard library."""
    logs.configure("INFO", process="test")
    structlog.get_logger("t").warning(event, **values)
    logging.getLogger("t").warning("%s %s", event, values)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2 and "S3CRET" not in str(lines)


@pytest.mark.parametrize(
    "client", ["httpx", "httpx2", "httpcore.http11", "httpcore2.http11", "openai._client"]
)
def test_clients_do_not_tell_of_each_request(capsys, client):
    """Neither at our usual level nor where everything is told: their addresses and bodies are nobody's."""
    for level in ("INFO", "DEBUG"):
        logs.configure(level, process="test")
        logging.getLogger(client).info("HTTP Request: POST http://model.internal/v1/chat")
        logging.getLogger(client).debug("send: a question of somebody's")
    assert capsys.readouterr().out == ""


def test_lines_are_json_with_context(capsys):
    """One line an event, with the process's name and the time."""
    logs.configure("INFO", process="web")
    structlog.get_logger("t").info("post.saved", count=3)
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["count"], line["process"], line["level"]) == ("post.saved", 3, "web", "info")


def test_the_server_speaks_as_we_do(capsys):
    """Granian's own handlers would print a traceback over many lines, with what was in it."""
    logger = logging.getLogger("_granian")
    logger.addHandler(logging.StreamHandler())
    logger.propagate = False
    logs.configure("INFO", process="web")
    try:
        raise ValueError("opened /admin/login/S3CRET")
    except ValueError:
        logger.exception("Application callable raised an exception")
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert len(lines) == 1 and "ValueError" in lines[0]["exception"]
    assert "S3CRET" not in said.out and not said.err
