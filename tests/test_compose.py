"""docker-compose.yml: what each service gets into its environment, and what it must not."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tg_assistant.demo.environment import setting_names
from tg_assistant.settings.groups import ProcessSettings, Settings
from tg_assistant.settings.load import load, load_embedder

ROOT = Path(__file__).parents[1]
KEY = "a2V5LWtleS1rZXkta2V5LWtleS1rZXkta2V5LWtleTE="
SECRETS = {
    name: f"{name}-value"
    for name in re.findall(r"^(\w+_PASSWORD)=", (ROOT / ".env.example").read_text(), re.M)
}
FILES = {
    ".env": {
        **SECRETS,
        "ENVIRONMENT": "production",
        "BOT_TOKEN": f"1:{'A' * 35}",
        "BOT_PUBLIC_URL": "https://ask.example.org",
        "JWT_SECRET": "j" * 48,
        "EMBEDDER_KEY": "e" * 64,
        "TELEGRAM_API_ID": "1",
        "TELEGRAM_API_HASH": "a" * 32,
    },
    ".env.ingest": {"SESSION_CRYPTO_KEY": KEY},
}


def services() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def environment_of(name: str) -> dict[str, str]:
    """As compose makes it: the files in their order, then `environment`, with ${NAME} from .env."""
    service = services()[name]
    files = service.get("env_file", [])
    made: dict[str, str] = {}
    for file in [files] if isinstance(files, str) else files:
        made |= FILES[file]
    for variable, value in service.get("environment", {}).items():
        made[variable] = re.sub(
            r"\$\{(\w+)[^}]*\}", lambda found: FILES[".env"].get(found[1], ""), str(value)
        )
    return made


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Reads the settings as the service would at its start."""
    monkeypatch.chdir(tmp_path)

    def started(name: str) -> ProcessSettings:
        for variable in setting_names(Settings):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in environment_of(name).items():
            monkeypatch.setenv(variable, value)
        return load_embedder() if name == "embedder" else load(name)

    return started


@pytest.mark.parametrize("name", ["web", "bot", "ingest"])
def test_each_service_starts_with_what_it_is_given(start, name: str):
    """Web and bot as the app's role and without the session key, ingest as the worker's and with it."""
    found = start(name)
    role = {"ingest": "tg_worker"}.get(name, "tg_app")
    assert found.database.url.get_secret_value().startswith(f"postgresql://{role}:")
    assert bool(found.security.session_crypto_key) == (name == "ingest")


@pytest.mark.parametrize("name", ["web", "bot", "ingest", "embedder"])
def test_a_stuck_service_is_seen_and_started_again(start, name: str):
    """Its health is asked where it listens, of itself alone; it ends by itself, and compose restarts it."""
    service, found = services()[name], start(name)
    assert f"127.0.0.1:{found.health_port}/live" in " ".join(service["healthcheck"]["test"])
    assert service["restart"] == "unless-stopped" and 0 < found.stuck_seconds < 120


def test_one_service_embeds_for_the_others(start):
    """They ask it, where it listens, with its key; of what is secret it has nothing else."""
    embedder = start("embedder").retrieval
    for name in ("web", "bot", "ingest"):
        caller = start(name).retrieval
        assert caller.embedder_url == f"http://embedder:{embedder.embedder_port}"
        assert caller.embedder_key == embedder.embedder_key
    secrets = {value for file in FILES.values() for value in file.values() if len(value) > 12}
    assert secrets & set(environment_of("embedder").values()) == {FILES[".env"]["EMBEDDER_KEY"]}


@pytest.mark.parametrize("name", sorted(set(services()) - {"ingest"}))
def test_only_ingest_gets_the_session_key(name: str):
    """Neither by file nor by value."""
    assert KEY not in environment_of(name).values()


@pytest.mark.parametrize(
    ("name", "own"),
    [("web", "APP"), ("bot", "APP"), ("ingest", "WORKER"), ("migrate", "OWNER"), ("caddy", "")],
)
def test_no_service_can_sign_in_as_another_role(name: str, own: str):
    """Row-level security is a wall only where the owner's and the worker's passwords are not at hand."""
    said = " ".join(environment_of(name).values())
    known = {secret for secret, value in SECRETS.items() if value in said}
    assert known <= ({f"{own}_DB_PASSWORD"} | ({"APP_DB_PASSWORD"} if own == "OWNER" else set()))


def test_caddys_log_holds_no_key():
    """One-time links are not logged; a Referer could name one, and the webhook's header is a secret."""
    said = (ROOT / "Caddyfile").read_text()
    everything, _, site = said.partition("{$CADDY_DOMAINS}")
    assert "@secret path /tg/connect/* /admin/login/*" in site and "log_skip @secret" in site
    for header in ("Referer", "X-Telegram-Bot-Api-Secret-Token"):
        assert f"request>headers>{header} delete" in everything
    # a 502 is told with its address by Caddy's own log, which skips nothing
    found = re.search(r'request>uri regexp "(.+)" ', everything)
    assert found is not None
    for address in (
        "/tg/connect/KEY",
        "/admin/login/KEY?a=1",
        "/x?token=KEY&b=1",
        "/x?tgWebAppStartParam=KEY",
    ):
        assert "KEY" not in re.sub(found[1], r"\1", address)


@pytest.mark.parametrize("name", sorted(services()))
def test_no_log_fills_the_disk(name: str):
    """Docker keeps everything a container ever wrote unless it is told how much."""
    logging = services()[name]["logging"]
    size, files = logging["options"]["max-size"], logging["options"]["max-file"]
    assert logging["driver"] == "json-file"
    assert int(size.removesuffix("m")) * int(files) <= 100  # megabytes
