"""Documents fail here when they lag behind the code."""

import re
import runpy
from pathlib import Path

import pytest

from tg_assistant.demo.environment import setting_names
from tg_assistant.settings.groups import Settings
from tg_assistant.texts import codes, has, text

ROOT = Path(__file__).parents[1]
SECOND_SPELLINGS = {"TELEGRAM_BOT_TOKEN", "POSTGRES_URL"}
COMPOSE_ONLY = {
    *("POSTGRES_PASSWORD", "OWNER_DB_PASSWORD", "APP_DB_PASSWORD", "WORKER_DB_PASSWORD"),
    *("CADDY_DOMAINS", "CADDY_EMAIL"),
}


def test_the_example_lists_every_setting_and_no_other():
    """Whoever copies .env.example sees all there is to set."""
    listed = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert listed == (setting_names(Settings) - SECOND_SPELLINGS) | COMPOSE_ONLY


def test_the_settings_page_explains_every_setting_and_no_other():
    """docs/settings.md knows each variable, in both spellings where there are two."""
    page = (ROOT / "docs" / "settings.md").read_text()
    words = set(re.findall(r"`([A-Z][A-Z0-9]*_[A-Z0-9_]+|ENVIRONMENT)`", page))
    assert words == setting_names(Settings) | COMPOSE_ONLY


@pytest.mark.parametrize("page", sorted(path.name for path in ROOT.glob("*.md")))
def test_links_lead_somewhere(page: str):
    """Every relative link of the top pages names a file that exists."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text())
    assert not [link for link in links if not (ROOT / link).exists()]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_named_paths_exist(page: str):
    """What "I want to change … → open …" names can be opened."""
    rows = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| ")]
    named = re.findall(r"`([a-z_]+/[A-Za-z0-9_./]*)`", "\n".join(rows))
    assert not [path for path in named if not (ROOT / path).exists()]


def test_make_help_names_every_documented_target():
    """The README's and the contracts' targets exist in the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    for target in (
        "demo",
        "dev",
        "down",
        "test",
        "faults",
        "load",
        "check",
        "fmt",
        "diag",
        "monitor",
        "logs-%",
        "logs-api",
    ):
        assert re.search(rf"^{re.escape(target)}:", makefile, re.M), target


def test_the_threat_model_names_tests_that_exist():
    """docs/security.md says which test shows each protection; a renamed test fails here."""
    named = re.findall(
        r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", (ROOT / "docs" / "security.md").read_text()
    )
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text(), re.M)
    ]
    assert len(named) > 30
    assert not missing


def test_links_of_the_documents_lead_somewhere():
    """Every relative link below docs/ names a file that exists."""
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in (ROOT / "docs").rglob("*.md")
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert not broken


def test_every_error_code_is_described():
    """docs/errors.md is what the script writes; a code without a sentence in both languages shows a dash."""
    namespace = runpy.run_path(str(ROOT / "scripts" / "errors_page.py"))
    assert (ROOT / "docs" / "errors.md").read_text() == namespace["page"]()
    assert "| – |" not in namespace["page"]()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_bot_command_stands_in_the_help(language: str):
    """What the bot registers with Telegram, /help explains; any text asks, and admins alone see /admin."""
    explained = text("bot.help", language)
    commands = [
        code.removeprefix("bot.command.") for code in codes(language) if code.startswith("bot.command.")
    ]
    assert len(commands) >= 10
    assert not [
        command
        for command in commands
        if f"/{command}" not in explained and command not in ("help", "ask", "admin")
    ]


def test_every_audited_action_has_words():
    """What core writes into the trail, the admin panel says in both languages."""
    sources = [
        path.read_text()
        for folder in ("tg_assistant", "bot", "ingest")
        for path in (ROOT / folder).rglob("*.py")
    ]
    calls = [
        call for source in sources for call in re.findall(r"audit\.record\(\s*[^,]+,\s*[^,]+,([^)]*)", source)
    ]
    actions = {action for call in calls for action in re.findall(r'"([a-z_]+\.[a-z_]+)"', call)}
    assert len(actions) > 25
    assert not [action for action in actions if not has(f"admin.did_{action}")]
