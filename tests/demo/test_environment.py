"""Who gets which secret, and that the surroundings' settings do not leak into a demo."""

import json
from pathlib import Path

import pytest

from tg_assistant.demo.data_folder import open_data_folder
from tg_assistant.demo.environment import Demo
from tg_assistant.demo.plan import steps
from tg_assistant.demo.postgres import Postgres

INSTALL = {
    "bot_token": "7:x",
    "bot_username": "b",
    "api_id": 1,
    "api_hash": "h",
    "dc_id": 2,
    "rsa_key_file": "/k",
    "init_data_public_key": "aa",
}


@pytest.fixture
def demo(tmp_path: Path):
    with open_data_folder(tmp_path) as folder:
        (tmp_path / "sandbox").mkdir()
        (tmp_path / "sandbox" / "install.json").write_text(json.dumps(INSTALL))
        ports, _ = folder.choose_ports(any_free=True)
        yield Demo(folder, ports, database=Postgres("admin", "owner", "app", "worker", 1))


def test_only_ingest_gets_the_session_key(demo: Demo):
    """Web and bot would refuse to start with it."""
    assert demo.ingest_environment()["SESSION_CRYPTO_KEY"]
    for environment in (demo.web_environment(), demo.bot_environment(), demo.operator_environment()):
        assert "SESSION_CRYPTO_KEY" not in environment
    assert "JWT_SECRET" not in demo.bot_environment() and demo.web_environment()["JWT_SECRET"]


def test_each_process_has_its_role(demo: Demo):
    """Migrations run as the owner, web and bot as app, ingest as worker."""
    urls = [
        each["DATABASE_URL"]
        for each in (demo.operator_environment(), demo.web_environment(), demo.bot_environment())
    ]
    assert urls == ["owner", "app", "app"]
    assert demo.ingest_environment()["DATABASE_URL"] == "worker"


def test_the_embedder_gets_its_key_and_no_other_secret(demo: Demo):
    """It is given texts and returns numbers; the others find it, with the key, and load no model."""
    ours, callers = demo.embedder_environment(), [demo.web_environment(), demo.ingest_environment()]
    secrets = {*demo.folder.secrets().values(), INSTALL["bot_token"], INSTALL["api_hash"], "app", "worker"}
    assert secrets & set(ours.values()) == {ours["EMBEDDER_KEY"]}
    for caller in callers:
        assert caller["EMBEDDER_URL"] == f"http://127.0.0.1:{ours['EMBEDDER_PORT']}"
        assert caller["EMBEDDER_KEY"] == ours["EMBEDDER_KEY"]


def test_exported_settings_do_not_leak_in(demo: Demo, monkeypatch: pytest.MonkeyPatch):
    """A production setting in the shell stays out; a language model the user chose comes in."""
    monkeypatch.setenv("SESSION_CRYPTO_KEY", "mine")
    monkeypatch.setenv("REDIS_URL", "redis://production")
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:11434/v1")
    environment = demo.web_environment()
    assert "SESSION_CRYPTO_KEY" not in environment and "REDIS_URL" not in environment
    assert environment["LLM_BASE_URL"] == "http://127.0.0.1:11434/v1"


def test_app_and_phone_are_different_sites(demo: Demo):
    """The Mini App is framed cross-site, as in Telegram Web, and allows exactly that frame."""
    assert demo.web_url.startswith("http://127.0.0.1:") and demo.phone_url.startswith("http://localhost:")
    assert demo.web_environment()["FRAME_ANCESTORS"] == f"'self' {demo.phone_url}"


def test_every_need_is_a_step(demo: Demo):
    """A misspelt need would wait for ever."""
    plan = steps(demo)
    names = {step.name for step in plan}
    assert all(set(step.needs) <= names for step in plan)
    assert {"postgres", "chroma", "sandbox", "embedder", "web", "bot", "ingest"} <= names
