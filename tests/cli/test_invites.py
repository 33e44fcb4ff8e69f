"""The command line over a real database: tenants, invites, and what it says when something is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import structlog
from typer.testing import CliRunner

from tg_assistant.cli import app
from tg_assistant.demo.postgres import Postgres

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(database: Postgres, monkeypatch: pytest.MonkeyPatch):
    """Runs a command; returns (exit code, standard output, standard error)."""
    monkeypatch.setenv("DATABASE_URL", database.owner_url)
    monkeypatch.delenv("MIGRATIONS_DATABASE_URL", raising=False)

    def command(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, list(words))
        return result.exit_code, result.stdout, result.stderr

    logging = structlog.get_config()
    yield command
    structlog.configure(**logging)  # commands set up logs as a process's main does


@pytest.fixture
def tenant(run) -> str:
    _, out, _ = run("tenants", "create", "Readers", "--json")
    return json.loads(out)["tenant_id"]


def test_a_tenant_comes_with_its_owners_invite(run):
    """The printed code makes an owner, once."""
    code, out, _ = run("tenants", "create", "Family", "--json")
    made = json.loads(out)
    assert code == 0 and len(made["owner_invite"]) == 12
    _, shown, _ = run("invites", "get", "--code", made["owner_invite"], "--json")
    assert json.loads(shown)["role"] == "owner" and json.loads(shown)["uses_limit"] == 1


def test_create_list_revoke(run, tenant: str):
    """An invite's life, as JSON objects and lists."""
    expires = "2031-01-31T12:00:00+00:00"
    words = ("--role", "admin", "--limit", "3", "--expires", expires, "--notes", "for Kim", "--json")
    code, out, _ = run("invites", "create", "--tenant", tenant, *words)
    made = json.loads(out)
    assert code == 0 and made["role"] == "admin" and made["uses_limit"] == 3 and made["notes"] == "for Kim"

    def listed(status: str) -> list[str]:
        _, text, _ = run("invites", "list", "--tenant", tenant, "--status", status, "--json")
        return [one["code"] for one in json.loads(text)]

    assert made["code"] in listed("active")
    run("invites", "revoke", "--code", made["code"])
    assert made["code"] not in listed("active") and made["code"] in listed("revoked")


@pytest.mark.parametrize(
    "words",
    [
        ("invites", "get", "--code", "AAAAAAAAAAAA"),
        ("invites", "get", "--code", "short"),
        ("invites", "create", "--tenant", "00000000-0000-4000-8000-000000000000"),
        ("invites", "create", "--tenant", "me"),
        ("invites", "create"),
        ("invites", "create", "--tenant", "00000000-0000-4000-8000-000000000000", "--role", "owner"),
        ("invites", "create", "--tenant", "00000000-0000-4000-8000-000000000000", "--limit", "many"),
        ("invites", "list", "--tenant", "00000000-0000-4000-8000-000000000000", "--status", "spent"),
        ("invites", "revoke", "--code", "AAAAAAAAAAAA", "--json"),
        ("invites", "destroy"),
        ("tenants", "create", " "),
        ("--env-file", "no/such/file", "doctor"),
    ],
)
def test_errors_are_a_sentence_and_exit_one(run, words: tuple[str, ...]):
    """No stack trace at this door."""
    code, out, err = run(*words)
    assert code == 1 and out == ""
    assert err.strip() and "Traceback" not in err and len(err.strip().splitlines()) == 1


def test_a_wrong_time_is_named(run, tenant: str):
    """--expires says what it wants."""
    code, _, err = run("invites", "create", "--tenant", tenant, "--expires", "tomorrow")
    assert code == 1 and "--expires" in err


def test_a_time_that_is_over_is_refused(run, tenant: str):
    """Nobody could ever use such an invite."""
    code, out, err = run("invites", "create", "--tenant", tenant, "--expires", "2001-01-01")
    assert code == 1 and out == "" and "over already" in err


def test_each_state_has_its_word(run, database: Postgres, tenant: str):
    """Active, spent, expired, revoked: what the line says is what redeeming it would find."""

    def made() -> str:
        return json.loads(run("invites", "create", "--tenant", tenant, "--json")[1])["code"]

    active, spent, expired, revoked = (made() for _ in range(4))
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE invites SET uses_count = 1 WHERE code = %s", [spent])
        admin.execute("UPDATE invites SET expires_at = now() - interval '1 s' WHERE code = %s", [expired])
    run("invites", "revoke", "--code", revoked)
    for code, word in ((active, "active"), (spent, "spent"), (expired, "expired"), (revoked, "revoked")):
        assert f"  {word}" in run("invites", "get", "--code", code)[1]
    listed = {one["code"] for one in json.loads(run("invites", "list", "--tenant", tenant, "--json")[1])}
    assert {active, spent, expired, revoked} <= listed


def test_json_has_the_fields_in_one_order(run, tenant: str):
    """A new invite and one that was read say the same, in the same order."""
    made = json.loads(run("invites", "create", "--tenant", tenant, "--json")[1])
    read = json.loads(run("invites", "get", "--code", made["code"], "--json")[1])
    assert list(made.items()) == list(read.items())
    facts = "code tenant_id role uses_limit uses_count active expires_at created_at created_by"
    assert {*facts.split(), "last_used_at", "last_used_by", "notes"} == set(made)


@pytest.mark.parametrize("words", [("tenants", "create", "X"), ("migrate",), ("keys", "status")])
@pytest.mark.parametrize("url", ["postgresql://nobody:x@127.0.0.1:9/x", "nonsense"])
def test_a_database_that_is_not_there_is_a_sentence(
    run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], url: str
):
    """Which variable to look at, and not the password that stands in it."""
    monkeypatch.setenv("DATABASE_URL", url)
    code, out, err = run(*words)
    assert code == 1 and out == "" and err.startswith("DATABASE_URL") and len(err.strip().splitlines()) == 1


def test_a_row_that_cannot_be_read_is_a_sentence(run, database: Postgres, tenant: str):
    """PostgreSQL keeps moments that Python has no number for; the SQL and its values stay unsaid."""
    code = json.loads(run("invites", "create", "--tenant", tenant, "--json")[1])["code"]
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE invites SET last_used_at = 'infinity' WHERE code = %s", [code])
    left, out, err = run("invites", "get", "--code", code)
    assert (left, out) == (1, "") and "cannot be read" in err and len(err.strip().splitlines()) == 1
    assert "SELECT" not in err and code not in err


def test_a_database_without_a_schema_says_how_to_get_one(run, monkeypatch: pytest.MonkeyPatch, postgres):
    """The very first command of an operator who forgot `migrate`."""
    with psycopg.connect(postgres.database("postgres").admin_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE cli_empty OWNER tg_owner")
    monkeypatch.setenv("DATABASE_URL", postgres.database("cli_empty").owner_url)
    for words in (("tenants", "create", "X"), ("keys", "status")):
        code, _, err = run(*words)
        assert code == 1 and "tg-assistant migrate" in err and len(err.strip().splitlines()) == 1
    assert run("migrate")[0] == 0
    assert run("tenants", "create", "X")[0] == 0
    with psycopg.connect(postgres.database("cli_empty").admin_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE tenants RENAME COLUMN name TO title")
    code, _, err = run("tenants", "create", "X")
    assert code == 1 and "tg-assistant migrate" in err and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "words", [(), ("invites",), ("tenants",), ("keys",), ("people",), ("invites", "create")]
)
def test_help(run, words: tuple[str, ...]):
    """`--help` explains each command and exits 0."""
    code, out, err = run(*words, "--help")
    assert (code, err) == (0, "") and "Usage:" in out
    assert words or "ask the Telegram channels you follow" in out


def test_without_a_database_it_says_which_variable(run, monkeypatch: pytest.MonkeyPatch):
    """The sentence names DATABASE_URL."""
    monkeypatch.delenv("DATABASE_URL")
    code, _, err = run("tenants", "create", "X")
    assert code == 1 and "DATABASE_URL" in err


def test_the_script_is_the_same_command_line(run, database: Postgres, tenant: str):
    """scripts/invites_cli.py, the documented entry point."""
    done = subprocess.run(
        [sys.executable, "scripts/invites_cli.py", "create", "--tenant", tenant, "--json"],
        cwd=ROOT,
        env={"DATABASE_URL": database.owner_url, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(json.loads(done.stdout)["code"]) == 12


def test_doctor_names_what_is_down(run, monkeypatch: pytest.MonkeyPatch):
    """PostgreSQL is well, Chroma is not: exit 1 and its address; an embedder only where there is one."""
    monkeypatch.setenv("CHROMA_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("EMBEDDER_URL", raising=False)
    code, out, _ = run("doctor")
    assert code == 1
    assert "✓ PostgreSQL" in out and "✗ Chroma: http://127.0.0.1:9" in out and "Embedder" not in out
    monkeypatch.setenv("EMBEDDER_URL", "http://127.0.0.1:9")
    assert "✗ Embedder: http://127.0.0.1:9/health" in run("doctor")[1]


@pytest.mark.parametrize("name", ["SESSION_CRYPTO_KEY", "SESSION_CRYPTO_KEY_FILE"])
@pytest.mark.parametrize("by_file", [False, True])
def test_web_refuses_the_session_key(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name, by_file):
    """`serve` ends with a sentence, whether the key is exported or stands in the file of --env-file."""
    monkeypatch.setenv("BOT_TOKEN", f"1:{'A' * 35}")
    monkeypatch.setenv("JWT_SECRET", "j" * 48)
    words: tuple[str, ...] = ("serve",)
    if by_file:
        monkeypatch.setenv(name, "")  # put back at the end: --env-file sets it for this process
        (tmp_path / "env").write_text(f"{name}=/run/secrets/key\n")
        words = ("--env-file", str(tmp_path / "env"), "serve")
    else:
        monkeypatch.setenv(name, "/run/secrets/key")
    code, out, err = run(*words)
    assert code == 1 and out == ""
    assert "SESSION_CRYPTO_KEY is for ingest alone" in err and "/run/secrets" not in err
