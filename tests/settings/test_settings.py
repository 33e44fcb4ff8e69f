"""Settings stop the process with one sentence that names the variable."""

import pytest

from tg_assistant.settings.groups import Settings
from tg_assistant.settings.load import SettingsError, load

GOOD = {
    "DATABASE_URL": "postgresql://app@localhost/x",
    "BOT_TOKEN": "7000000001:abcdefabcdefabcdefabcdefabcdefabcd",
    "JWT_SECRET": "j" * 48,
}
KEY = "dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
LIVE = {"ENVIRONMENT": "production", "BOT_PUBLIC_URL": "https://ask.example.org"}


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    """No variable of this shell and no .env file has a say."""
    from tg_assistant.demo.environment import setting_names

    for name in setting_names(Settings):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def given(monkeypatch, **values):
    for name, value in (GOOD | values).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_DC_HOST", "127.0.0.1"),
        ("TELEGRAM_DC_PORT", "8040"),
        ("TELEGRAM_RSA_KEY_FILE", "server.pem"),
        ("BOT_API_BASE", "http://127.0.0.1:8050"),
        ("INIT_DATA_PUBLIC_KEY", "ab" * 32),
        ("TELEGRAM_SDK_URL", "/vendor/telegram-web-app.js"),
        ("FRAME_ANCESTORS", "'self' http://localhost:8010"),
        ("FRAME_ANCESTORS", "*"),
        ("BOT_PUBLIC_URL", "http://ask.example.org"),
    ],
)
def test_production_refuses_another_telegram(monkeypatch, name, value):
    """What points at the sandbox, or opens the frame, is refused by its name in production."""
    given(monkeypatch, **LIVE | {name: value})
    with pytest.raises(SettingsError, match=name):
        load("web")


def test_production_takes_good_settings(monkeypatch):
    """The same without them starts."""
    given(monkeypatch, **LIVE)
    assert load("web").environment == "production"


@pytest.mark.parametrize(
    ("process", "values", "name"),
    [
        ("web", {"JWT_SECRET": "changeme"}, "JWT_SECRET"),
        ("web", {"SESSION_CRYPTO_KEY": KEY}, "SESSION_CRYPTO_KEY"),
        ("bot", {"SESSION_CRYPTO_KEY": KEY}, "SESSION_CRYPTO_KEY"),
        ("web", {"SESSION_CRYPTO_KEY_FILE": "/run/keys"}, "SESSION_CRYPTO_KEY"),
        ("bot", {"SESSION_CRYPTO_KEY_FILE": "/run/keys"}, "SESSION_CRYPTO_KEY"),
        ("bot", {"BOT_MODE": "webhook"}, "BOT_WEBHOOK_SECRET"),
        ("ingest", {}, "SESSION_CRYPTO_KEY"),
        ("ingest", {"SESSION_CRYPTO_KEY": "short"}, "SESSION_CRYPTO_KEY"),
        ("ingest", {"SESSION_CRYPTO_KEY": KEY}, "TELEGRAM_API_ID"),
        ("web", {"BOT_TOKEN": "nonsense"}, "BOT_TOKEN"),
        ("web", {"WEB_PORT": "http"}, "WEB_PORT"),
        ("bot", {"BOT_MODE": "webhook", "BOT_WEBHOOK_SECRET": "+/" * 32}, "BOT_WEBHOOK_SECRET.*rand -hex"),
        ("bot", {"BOT_MODE": "webhook", "BOT_WEBHOOK_SECRET": "a" * 257}, "BOT_WEBHOOK_SECRET"),
        ("web", {"CORS_ALLOWED_ORIGINS": "*"}, "CORS_ALLOWED_ORIGINS"),
        ("web", {"CORS_ALLOWED_ORIGINS": "https://a.example, *"}, "CORS_ALLOWED_ORIGINS"),
        ("web", {"CORS_ALLOWED_ORIGINS": "https://*.example"}, "CORS_ALLOWED_ORIGINS"),
        ("web", {"CORS_ALLOWED_ORIGINS": "null"}, "CORS_ALLOWED_ORIGINS"),
        ("web", {"FRAME_ANCESTORS": "https://a.example; script-src *"}, "FRAME_ANCESTORS"),
        ("web", {"DATABASE_URL": "nonsense"}, "DATABASE_URL.*postgresql://"),
        ("web", {"DATABASE_URL": "mysql://app@localhost/x"}, "DATABASE_URL"),
        ("cli", {"MIGRATIONS_DATABASE_URL": "nonsense"}, "MIGRATIONS_DATABASE_URL"),
        ("web", {"REDIS_URL": "nonsense"}, "REDIS_URL"),
        ("web", {"CHROMA_URL": "chroma:8000"}, "CHROMA_URL"),
        ("web", {"LLM_BASE_URL": "here"}, "LLM_BASE_URL"),
        ("web", {"EMBEDDING_BASE_URL": "http://"}, "EMBEDDING_BASE_URL"),
        ("web", {"BOT_PUBLIC_URL": "https://ask.example.org/app"}, "BOT_PUBLIC_URL"),
        ("web", {"BOT_PUBLIC_URL": "https://ask.example.org:port"}, "BOT_PUBLIC_URL"),
    ],
)
def test_each_process_gets_what_it_may_have(monkeypatch, process, values, name):
    """Placeholders, keys in the wrong process and missing values: one sentence, without the value."""
    given(monkeypatch, **values)
    with pytest.raises(SettingsError, match=name) as caught:
        load(process)
    assert KEY not in str(caught.value) and "\n" not in str(caught.value)


def test_addresses_are_written_as_browsers_write_them(monkeypatch):
    """An origin is compared with what a browser sends: small letters, no slash at the end."""
    given(
        monkeypatch,
        BOT_PUBLIC_URL="https://Ask.Example.org/",
        CORS_ALLOWED_ORIGINS="https://App.example, http://localhost:3000/,",
        FRAME_ANCESTORS="'self'  https://*.telegram.org",
        REDIS_URL="unix:///run/redis.sock",
        DATABASE_URL="postgresql+psycopg:///x?host=/run/postgresql",
    )
    web = load("web").web
    assert web.origins() == ["https://ask.example.org", "https://app.example", "http://localhost:3000"]
    assert web.frame_ancestors == "'self' https://*.telegram.org"
