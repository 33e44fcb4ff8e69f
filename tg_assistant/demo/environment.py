"""The demo's addresses and secrets, and the environment of each of its processes."""

import json
import os
import sys
from dataclasses import dataclass, field

import httpx
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from tg_assistant.demo import chroma
from tg_assistant.demo.data_folder import DataFolder, write_private
from tg_assistant.demo.postgres import Postgres
from tg_assistant.settings import groups

BUNDLED_SDK = "/vendor/telegram-web-app.js"
# all people of a demo share this machine's address, so limits per address must be high
_RATES = dict.fromkeys(
    ("RATE_LIMIT_SIGN_IN", "RATE_LIMIT_QR_INIT", "RATE_LIMIT_QR_STATUS", "RATE_LIMIT_INVITES"), "600:60"
)
_PASSED_ON = ("LLM_", "EMBEDDING_", "LOG_LEVEL", "TIME_ZONE")


@dataclass
class Demo:
    """One demo's addresses and secrets, some of which become known while it starts."""

    folder: DataFolder
    ports: dict[str, int]
    load_posts: bool = False  # True: the sandbox starts without the demo's channels, for real posts instead
    database: Postgres | None = None
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=2, trust_env=False))

    @property
    def web_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def phone_url(self) -> str:
        """At `localhost`, not 127.0.0.1: a different site from the app's, as web.telegram.org is."""
        return f"http://localhost:{self.ports['phone']}"

    @property
    def embedder_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['embedder']}"

    @property
    def bot_api_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['bot_api']}"

    @property
    def control_url(self) -> str:
        """The sandbox's control API, with which the seed and the smoke run control it."""
        return f"http://127.0.0.1:{self.ports['phone']}/control"

    def install(self) -> dict[str, str]:
        """The facts that the sandbox generated at its first start: bot token, API id, keys."""
        return json.loads((self.folder.path / "sandbox" / "install.json").read_text())

    def bot_username(self) -> str:
        """The bot's name without the @, from `install`."""
        return self.install()["bot_username"]

    def running_database(self) -> Postgres:
        """The PostgreSQL server. Raises AssertionError before its start: the plan's order is wrong then."""
        assert self.database, "PostgreSQL is up before whoever needs it"
        return self.database

    def take_database(self, database: Postgres) -> None:
        self.database = database

    def write_operator_file(self) -> None:
        """Write the settings for commands on a running demo: `tg-assistant --env-file .data/env …`."""
        lines = [f"{name}='{value}'" for name, value in self.operator_environment().items()]
        write_private(self.folder.path / "env", "\n".join(lines) + "\n")

    def sandbox_command(self) -> list[str]:
        """The sandbox's command line: it needs ports and a folder, but no settings of the product."""
        command = [sys.executable, "-m", "sandbox", "--data", str(self.folder.path / "sandbox")]
        for name in ("mtproto", "bot_api", "phone"):
            command += [f"--{name.replace('_', '-')}-port", str(self.ports[name])]
        return [*command, "--no-seed"] if self.load_posts else command

    def base(self) -> dict[str, str]:
        """The environment common to all processes; each adds only its own secrets."""
        return (
            plain_environment()
            | self._model()
            | {
                "ENVIRONMENT": "development",
                "REQUESTS_PER_MINUTE": "600",  # a local Telegram bans nobody
                "CHROMA_URL": chroma.url(self.ports["chroma"]),
                "EMBEDDER_URL": self.embedder_url,
                "BOT_PUBLIC_URL": self.web_url,
            }
        )

    def embedder_environment(self) -> dict[str, str]:
        """Environment of the embedder, which has no other secret than the key its callers show."""
        return plain_environment() | self._model() | {"EMBEDDER_PORT": str(self.ports["embedder"])}

    def _model(self) -> dict[str, str]:
        models = str(self.folder.path / "models")
        return {"EMBEDDING_CACHE_DIR": models, "EMBEDDER_KEY": self.folder.secrets()["EMBEDDER_KEY"]}

    def health(self, name: str) -> dict[str, str]:
        return {"HEALTH_PORT": str(self.ports[f"{name}_health"])}

    def health_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[f'{name}_health']}/health"

    def live_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[f'{name}_health']}/live"

    def bot_environment(self) -> dict[str, str]:
        """Environment of bot: the app's role in PostgreSQL and the bot's token, but no session key."""
        made = self.install()
        return self.base() | {
            "DATABASE_URL": self.running_database().app_url,
            "BOT_TOKEN": made["bot_token"],
            "BOT_API_BASE": self.bot_api_url,
        }

    def web_environment(self) -> dict[str, str]:
        """Environment of web: the bot's, and settings for browsers (frames, SDK) and high rate limits."""
        return self.bot_environment() | {
            "JWT_SECRET": self.folder.secrets()["JWT_SECRET"],
            "WEB_PORT": str(self.ports["web"]),
            "INIT_DATA_PUBLIC_KEY": self.install()["init_data_public_key"],
            "FRAME_ANCESTORS": f"'self' {self.phone_url}",
            "TELEGRAM_SDK_URL": BUNDLED_SDK,
            **_RATES,
        }

    def ingest_environment(self) -> dict[str, str]:
        """Environment of ingest: the worker's role, and, only here, the session key and the data centre."""
        made = self.install()
        return (
            self.bot_environment()
            | self.health("ingest")
            | {
                "DATABASE_URL": self.running_database().worker_url,
                "SESSION_CRYPTO_KEY": self.folder.secrets()["SESSION_CRYPTO_KEY"],
                "TELEGRAM_API_ID": str(made["api_id"]),
                "TELEGRAM_API_HASH": made["api_hash"],
                "TELEGRAM_DC_ID": str(made["dc_id"]),
                "TELEGRAM_DC_HOST": "127.0.0.1",
                "TELEGRAM_DC_PORT": str(self.ports["mtproto"]),
                "TELEGRAM_RSA_KEY_FILE": made["rsa_key_file"],
            }
        )

    def operator_environment(self) -> dict[str, str]:
        """Environment for commands: the owner's role; no bot token before the sandbox's first start."""
        mine = {name: value for name, value in self.base().items() if name not in plain_environment()}
        made = self.install() if (self.folder.path / "sandbox" / "install.json").exists() else {}
        bot = {"BOT_TOKEN": made["bot_token"], "BOT_API_BASE": self.bot_api_url} if made else {}
        return mine | bot | {"DATABASE_URL": self.running_database().owner_url}


def plain_environment() -> dict[str, str]:
    """This process's environment without the product's settings and without .env: a demo has its own.

    Settings of the language model, the embeddings and the log level are passed on.
    """
    ours = setting_names(groups.Settings)
    kept = {
        name: value for name, value in os.environ.items() if name not in ours or name.startswith(_PASSED_ON)
    }
    return kept | {"PYTHONUNBUFFERED": "1", "ENV_FILE": os.devnull, "ORT_DISABLE_TELEMETRY": "1"}


def setting_names(group: type[BaseSettings]) -> set[str]:
    """The environment variables of a settings group, including aliases."""
    names: set[str] = set()
    for field_info in group.model_fields.values():
        alias, kind = field_info.validation_alias, field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseSettings):
            names |= setting_names(kind)
        elif isinstance(alias, AliasChoices):
            names |= {str(choice) for choice in alias.choices}
        elif alias is not None:
            names.add(str(alias))
    return names
