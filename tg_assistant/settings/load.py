"""Load settings from the environment: once, in a process's main, to be passed down.

A wrong or missing value stops the process with one sentence: the variable and how to get a valid value.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, ValidationError

from tg_assistant.settings import formats
from tg_assistant.settings.groups import HOW, ProcessSettings, SecuritySettings, Settings

Process = Literal["web", "bot", "ingest", "cli"]

_PLACEHOLDERS = {"", "changeme", "change-me", "secret", "password", "your-secret", "dev", "test"}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_FOR_TELEGRAM = re.compile(r"[A-Za-z0-9_-]{1,256}")  # core.telegram.org/bots/api#setwebhook, secret_token


class SettingsError(Exception):
    """A setting is missing or wrong. `str()` is one sentence for the terminal."""


def load(process: Process) -> Settings:
    """Load and check the settings for one kind of process. Raises SettingsError."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    _check_process(settings, process)
    return settings


def load_embedder() -> ProcessSettings:
    """Load and check the settings of the embedder process. Raises SettingsError."""
    try:
        settings = ProcessSettings()
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None
    retrieval = settings.retrieval
    if retrieval.embedder_key is not None or retrieval.embedder_host not in _LOOPBACK:
        _check_secret("EMBEDDER_KEY", retrieval.embedder_key)
    return settings


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    name = str(first["loc"][-1]) if first["loc"] else ""
    if not name:
        return str(first["msg"]).removeprefix("Value error, ")
    problem = "is missing" if first["type"] == "missing" else str(first["msg"]).removeprefix("Value error, ")
    return f"{name}: {problem}" + (f"; {HOW[name]}" if name in HOW else "")


def _check_process(settings: Settings, process: Process) -> None:
    security = settings.security
    has_key = bool(security.session_crypto_key or security.session_crypto_key_file)
    if process == "ingest":
        if not has_key:
            raise SettingsError(f"SESSION_CRYPTO_KEY: is missing; {HOW['SESSION_CRYPTO_KEY']}")
        session_keys(security)
        if not (settings.telegram.api_id and settings.telegram.api_hash.get_secret_value()):
            raise SettingsError(f"TELEGRAM_API_ID: is missing; {HOW['TELEGRAM_API_ID']}")
    if process in ("web", "bot") and has_key:
        raise SettingsError(
            f"SESSION_CRYPTO_KEY is for ingest alone; remove it from the environment of {process}"
        )
    if process == "web":
        _check_secret("JWT_SECRET", security.jwt_secret)
    if process == "bot" and settings.telegram.bot_mode == "webhook":
        secret = settings.telegram.webhook_secret
        _check_secret("BOT_WEBHOOK_SECRET", secret)
        if not _FOR_TELEGRAM.fullmatch(secret.get_secret_value() if secret else ""):
            raise SettingsError(
                f"BOT_WEBHOOK_SECRET: Telegram takes letters, digits, _ and -; {HOW['BOT_WEBHOOK_SECRET']}"
            )


def _check_secret(name: str, secret: SecretStr | None) -> None:
    value = secret.get_secret_value() if secret else ""
    if value.lower() in _PLACEHOLDERS or len(value.encode()) < 32:
        raise SettingsError(f"{name}: needs at least 32 random bytes; {HOW[name]}")


def session_keys(security: SecuritySettings) -> dict[str, bytes]:
    """Key-encryption keys by id, the newest last, from one base64 key (its id is k1) or lines of `id:base64`.

    Raises SettingsError when the key file cannot be read, no key is given, a key is not 32 bytes of base64,
    or two keys have the same id.
    """
    if security.session_crypto_key_file:
        text = _key_file(security.session_crypto_key_file)
    else:
        text = security.session_crypto_key.get_secret_value() if security.session_crypto_key else ""
    try:
        return formats.keys(text)
    except ValueError as error:
        raise SettingsError(f"SESSION_CRYPTO_KEY: {error}; {HOW['SESSION_CRYPTO_KEY']}") from None


def _key_file(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"SESSION_CRYPTO_KEY_FILE: cannot be read ({type(error).__name__}): {path}"
        ) from None
