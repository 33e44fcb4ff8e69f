"""Every setting of the product, in groups, with its variable, its default and its allowed values."""

import os
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AliasChoices,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from tg_assistant.settings import formats

HOW = {
    "BOT_TOKEN": "get one from @BotFather",
    "BOT_WEBHOOK_SECRET": "make one: openssl rand -hex 32",
    "DATABASE_URL": "for example postgresql://app:password@localhost:5432/tg_assistant",
    "EMBEDDER_KEY": "make one: openssl rand -hex 32",
    "JWT_SECRET": "make one: openssl rand -base64 48",
    "SESSION_CRYPTO_KEY": "make one: openssl rand -base64 32",
    "TELEGRAM_API_ID": "get your own at https://my.telegram.org/apps",
    "TELEGRAM_API_HASH": "get your own at https://my.telegram.org/apps",
    "BOT_PUBLIC_URL": "the https address where this installation is reached, for example https://ask.example.org",
}
Service = Annotated[str, AfterValidator(formats.service)]
_RATE = r"^[1-9]\d{0,6}:[1-9]\d{0,4}$"  # count:seconds


class _Group(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=os.environ.get("ENV_FILE", ".env"),  # the demo sets it to a path that does not exist
        extra="ignore",
        populate_by_name=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )


class DatabaseSettings(_Group):
    url: SecretStr = Field(validation_alias=AliasChoices("DATABASE_URL", "POSTGRES_URL"))
    migrations_url: SecretStr | None = Field(default=None, validation_alias="MIGRATIONS_DATABASE_URL")
    pool_size: int = Field(default=10, ge=1, le=200, validation_alias="DATABASE_POOL_SIZE")

    @field_validator("url", "migrations_url")
    @classmethod
    def _of_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        return url and SecretStr(formats.database(url.get_secret_value()))


class TelegramSettings(_Group):
    """The `dc_*`, RSA, Bot API and init-data settings select another Telegram; production refuses them."""

    api_id: int = Field(default=0, validation_alias="TELEGRAM_API_ID")
    api_hash: SecretStr = Field(default=SecretStr(""), validation_alias="TELEGRAM_API_HASH")
    dc_id: int | None = Field(default=None, validation_alias="TELEGRAM_DC_ID")
    dc_host: str | None = Field(default=None, validation_alias="TELEGRAM_DC_HOST")
    dc_port: int | None = Field(default=None, validation_alias="TELEGRAM_DC_PORT")
    rsa_key_file: Path | None = Field(default=None, validation_alias="TELEGRAM_RSA_KEY_FILE")
    bot_token: SecretStr = Field(validation_alias=AliasChoices("BOT_TOKEN", "TELEGRAM_BOT_TOKEN"))
    bot_api_base: str | None = Field(default=None, validation_alias="BOT_API_BASE")
    init_data_public_key: str | None = Field(default=None, validation_alias="INIT_DATA_PUBLIC_KEY")
    # False accepts init data signed with the bot token alone: for tests of clients without Ed25519 signatures
    require_ed25519: bool = Field(default=True, validation_alias="REQUIRE_ED25519")
    webhook_secret: SecretStr | None = Field(default=None, validation_alias="BOT_WEBHOOK_SECRET")
    # seconds between two pages of one channel's history; according to field reports Telegram tolerates 1
    history_pause: float = Field(1.0, ge=0, le=60, validation_alias="HISTORY_PAUSE_SECONDS")
    # requests to Telegram per account, of which half on the first day; 0: no limit, for a local Telegram only
    requests_per_minute: int = Field(120, ge=0, le=600, validation_alias="REQUESTS_PER_MINUTE")
    bot_mode: Literal["polling", "webhook"] = Field(default="polling", validation_alias="BOT_MODE")
    webhook_host: str = Field(default="127.0.0.1", validation_alias="BOT_WEBHOOK_HOST")
    webhook_port: int = Field(default=8080, ge=1, le=65535, validation_alias="BOT_WEBHOOK_PORT")

    @field_validator("bot_token")
    @classmethod
    def _token_has_bot_id(cls, token: SecretStr) -> SecretStr:
        bot_id, _, rest = token.get_secret_value().partition(":")
        if not (bot_id.isdecimal() and rest):
            raise ValueError("is not a bot token")
        return token

    @property
    def bot_id(self) -> int:
        """The bot's id, before the colon of its token; it is part of the init data that Telegram signs."""
        return int(self.bot_token.get_secret_value().partition(":")[0])

    def foreign_names(self) -> list[str]:
        """Names of the variables that are set and select another Telegram."""
        pairs = {
            "TELEGRAM_DC_ID": self.dc_id,
            "TELEGRAM_DC_HOST": self.dc_host,
            "TELEGRAM_DC_PORT": self.dc_port,
            "TELEGRAM_RSA_KEY_FILE": self.rsa_key_file,
            "BOT_API_BASE": self.bot_api_base,
            "INIT_DATA_PUBLIC_KEY": self.init_data_public_key,
        }
        return [name for name, value in pairs.items() if value is not None]


class WebSettings(_Group):
    public_url: Annotated[str, AfterValidator(formats.origin)] = Field(
        default="http://127.0.0.1:8000", validation_alias="BOT_PUBLIC_URL"
    )
    host: str = Field(default="127.0.0.1", validation_alias="WEB_HOST")
    port: int = Field(default=8000, ge=1, le=65535, validation_alias="WEB_PORT")
    redis_url: SecretStr | None = Field(default=None, validation_alias="REDIS_URL")
    cors_allowed_origins: Annotated[str, AfterValidator(formats.origins)] = Field(
        default="", validation_alias="CORS_ALLOWED_ORIGINS"
    )
    frame_ancestors: Annotated[str, AfterValidator(formats.sources)] = Field(
        default="'self' https://web.telegram.org", validation_alias="FRAME_ANCESTORS"
    )
    sdk_url: str = Field(
        default="https://telegram.org/js/telegram-web-app.js", validation_alias="TELEGRAM_SDK_URL"
    )
    trusted_proxy_hops: int = Field(default=0, ge=0, le=10, validation_alias="TRUSTED_PROXY_HOPS")

    @field_validator("redis_url")
    @classmethod
    def _of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        return url and SecretStr(formats.redis(url.get_secret_value()))

    def origins(self) -> list[str]:
        """Origins allowed to call the API and open the websocket, our own first; never `*`."""
        return [self.public_url, *filter(None, self.cors_allowed_origins.split(","))]


class SecuritySettings(_Group):
    jwt_secret: SecretStr | None = Field(default=None, validation_alias="JWT_SECRET")
    jwt_ttl_seconds: int = Field(default=1800, ge=60, le=1800, validation_alias="JWT_TTL_SECONDS")
    qr_ttl_seconds: int = Field(default=600, ge=60, le=3600, validation_alias="QR_TTL_SECONDS")
    rate_limit_qr_init: str = Field(default="5:60", pattern=_RATE, validation_alias="RATE_LIMIT_QR_INIT")
    rate_limit_qr_status: str = Field(default="30:60", pattern=_RATE, validation_alias="RATE_LIMIT_QR_STATUS")
    rate_limit_sign_in: str = Field(default="10:60", pattern=_RATE, validation_alias="RATE_LIMIT_SIGN_IN")
    rate_limit_refresh: str = Field(default="60:60", pattern=_RATE, validation_alias="RATE_LIMIT_REFRESH")
    rate_limit_invites: str = Field(default="10:60", pattern=_RATE, validation_alias="RATE_LIMIT_INVITES")
    rate_limit_admin: str = Field(default="50:3600", pattern=_RATE, validation_alias="RATE_LIMIT_ADMIN")
    rate_limit_graphql: str = Field(default="120:60", pattern=_RATE, validation_alias="RATE_LIMIT_GRAPHQL")
    rate_limit_search: str = Field(default="60:60", pattern=_RATE, validation_alias="RATE_LIMIT_SEARCH")
    rate_limit_export: str = Field(default="5:3600", pattern=_RATE, validation_alias="RATE_LIMIT_EXPORT")
    rate_limit_feeds: str = Field(default="60:60", pattern=_RATE, validation_alias="RATE_LIMIT_FEEDS")
    rate_limit_socket: str = Field(default="60:3", pattern=_RATE, validation_alias="RATE_LIMIT_SOCKET")
    session_crypto_key: SecretStr | None = Field(default=None, validation_alias="SESSION_CRYPTO_KEY")
    session_crypto_key_file: Path | None = Field(default=None, validation_alias="SESSION_CRYPTO_KEY_FILE")

    def socket_events(self) -> tuple[int, int]:
        """The number of events a page's socket may send at once, and the seconds in which it is restored."""
        count, _, seconds = self.rate_limit_socket.partition(":")
        return int(count), int(seconds)

    def rates(self) -> dict[str, str]:
        """Each rate limit as `count:seconds`, by its name in core (`rate_limits.Rule`)."""
        return {
            "qr_start": self.rate_limit_qr_init,
            "qr_status": self.rate_limit_qr_status,
            "sign_in": self.rate_limit_sign_in,
            "refresh": self.rate_limit_refresh,
            "invites": self.rate_limit_invites,
            "admin": self.rate_limit_admin,
            "graphql": self.rate_limit_graphql,
            "search": self.rate_limit_search,
            "export": self.rate_limit_export,
            "feeds": self.rate_limit_feeds,
        }


class RetrievalSettings(_Group):
    chroma_url: Service = Field(default="http://127.0.0.1:8001", validation_alias="CHROMA_URL")
    embedding_base_url: Service | None = Field(default=None, validation_alias="EMBEDDING_BASE_URL")
    embedding_api_key: SecretStr | None = Field(default=None, validation_alias="EMBEDDING_API_KEY")
    embedding_model: str | None = Field(default=None, validation_alias="EMBEDDING_MODEL")
    embedding_dimension: int = Field(default=384, ge=8, le=8192, validation_alias="EMBEDDING_DIMENSION")
    embedding_cache_dir: Path = Field(default=Path(".data/models"), validation_alias="EMBEDDING_CACHE_DIR")
    embedder_url: Service | None = Field(default=None, validation_alias="EMBEDDER_URL")
    embedder_key: SecretStr | None = Field(default=None, validation_alias="EMBEDDER_KEY")
    embedder_host: str = Field(default="127.0.0.1", validation_alias="EMBEDDER_HOST")
    embedder_port: int = Field(default=8070, ge=1, le=65535, validation_alias="EMBEDDER_PORT")
    llm_base_url: Service | None = Field(default=None, validation_alias="LLM_BASE_URL")
    llm_api_key: SecretStr | None = Field(default=None, validation_alias="LLM_API_KEY")
    llm_model: str = Field(default="gpt-4o-mini", validation_alias="LLM_MODEL")
    # what «вчера» means in a question, and «в субботу» in a post
    time_zone: Annotated[str, AfterValidator(formats.time_zone)] = Field(
        default="UTC", validation_alias="TIME_ZONE"
    )

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the people of this installation."""
        return ZoneInfo(self.time_zone)


class ProcessSettings(_Group):
    """What every process has, also the embedder, which needs no other group and gets no other secret."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", validation_alias="LOG_LEVEL"
    )
    health_port: int | None = Field(default=None, ge=1, le=65535, validation_alias="HEALTH_PORT")
    stuck_seconds: int = Field(default=45, ge=0, le=3600, validation_alias="STUCK_SECONDS")
    health_host: str = Field(default="127.0.0.1", validation_alias="HEALTH_HOST")
    retrieval: RetrievalSettings = Field(default_factory=RetrievalSettings)


class Settings(ProcessSettings):
    """All groups. Build it with `load`, never at import time."""

    environment: Literal["development", "test", "production"] = Field(
        default="development", validation_alias="ENVIRONMENT"
    )
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)  # type: ignore[arg-type]
    telegram: TelegramSettings = Field(default_factory=TelegramSettings)  # type: ignore[arg-type]
    web: WebSettings = Field(default_factory=WebSettings)
    security: SecuritySettings = Field(default_factory=SecuritySettings)

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Settings":
        if self.environment != "production":
            return self
        if not self.telegram.require_ed25519:
            raise ValueError("REQUIRE_ED25519 must not be switched off in production; remove it")
        if names := self.telegram.foreign_names():
            raise ValueError(f"{names[0]} points at another Telegram and is refused in production; remove it")
        if not self.web.public_url.startswith("https://"):
            raise ValueError(f"BOT_PUBLIC_URL must be https in production: {HOW['BOT_PUBLIC_URL']}")
        if not self.web.sdk_url.startswith("https://telegram.org/"):
            raise ValueError("TELEGRAM_SDK_URL must be Telegram's own script in production; remove it")
        if "http:" in self.web.frame_ancestors or "*" in self.web.frame_ancestors:
            raise ValueError("FRAME_ANCESTORS must name https origins in production; remove it")
        return self
