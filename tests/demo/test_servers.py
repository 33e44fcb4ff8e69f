"""The servers that the demo and the tests stand on: real PostgreSQL and real Chroma from their wheels."""

from pathlib import Path

import httpx
import psycopg
import pytest

from tg_assistant.demo import postgres
from tg_assistant.demo.chroma import running_chroma
from tg_assistant.demo.postgres import (
    APP,
    Postgres,
    ServerTrouble,
    create_database,
    running_postgres,
    socket_dir,
)


@pytest.fixture(scope="module")
def data_dir(workdir: Path) -> Path:
    """Not under pytest's folder: every pytest that starts closes that one to other users."""
    return workdir / "servers" / "pg"


@pytest.fixture(scope="module")
def server(data_dir: Path):
    with running_postgres(data_dir) as running:
        yield running


def test_app_reads_and_writes_what_the_owner_made(server: Postgres):
    """Default privileges make the app's and the worker's grants unnecessary in migrations."""
    with psycopg.connect(server.owner_url) as owner:
        owner.execute("CREATE TABLE note (id bigserial PRIMARY KEY, text text)")
    for url in (server.app_url, server.worker_url):
        with psycopg.connect(url) as db:
            db.execute("INSERT INTO note (text) VALUES ('hi')")
            assert db.execute("SELECT count(*) > 0 FROM note").fetchone() == (True,)


def test_app_is_no_owner(server: Postgres):
    """The web and bot role cannot change the schema and is no superuser."""
    with psycopg.connect(server.app_url) as db:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("CREATE TABLE mine (id int)")
        db.rollback()
        row = db.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = %s", [APP]).fetchone()
        assert row == (False,)


def test_tcp_asks_for_the_password(server: Postgres):
    """Another local user without the password gets nothing over loopback."""
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://{APP}:wrong@127.0.0.1:{server.port}/tg_assistant")


def test_another_database_has_the_same_roles(server: Postgres, data_dir: Path):
    """Tests take a database of their own from the one server."""
    create_database(data_dir, server.port, "second")
    with psycopg.connect(server.database("second").app_url) as db:
        assert db.execute("SELECT current_database()").fetchone() == ("second",)


def test_data_survives_a_restart(workdir: Path):
    """The second start finds the first one's rows, under new passwords."""
    data = workdir / "restarted" / "pg"
    with running_postgres(data, durable=True) as first, psycopg.connect(first.owner_url) as db:
        db.execute("CREATE TABLE kept AS SELECT lower('ПРИВЕТ') AS word")
    with running_postgres(data, durable=True) as second, psycopg.connect(second.owner_url) as db:
        assert db.execute("SELECT word FROM kept").fetchone() == ("привет",)
    assert first.owner_url.split("@")[0] != second.owner_url.split("@")[0]


def test_long_paths_get_a_short_socket(tmp_path: Path):
    """A socket path over the system's limit is replaced by a private folder in the temporary one."""
    deep = tmp_path / ("x" * 80) / "pg"
    deep.mkdir(parents=True)
    assert len(str(socket_dir(deep))) < len(str(deep))
    assert socket_dir(deep).stat().st_mode & 0o077 == 0


def test_root_without_useradd_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch):
    """Where no program can add the lent user (a bare Alpine), the error is one sentence with the way out."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServerTrouble, match="as an ordinary user") as told:
        postgres._add_system_user()
    assert "\n" not in str(told.value)


def test_a_failed_initdb_is_one_sentence(tmp_path: Path):
    """No traceback and no page of initdb's own words: why, and what to try."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("in the way")
    with pytest.raises(ServerTrouble, match="make demo DATA=") as told:
        postgres._initdb(tmp_path / "full")
    assert "\n" not in str(told.value)


def test_chroma_answers_its_heartbeat(tmp_path: Path):
    """The address given out is one that answers."""
    with running_chroma(tmp_path / "chroma") as url:
        assert httpx.get(f"{url}/api/v2/heartbeat", timeout=60).json()["nanosecond heartbeat"] > 0
