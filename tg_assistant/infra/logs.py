"""structlog for everything, the standard library bridged: one JSON line an event, secrets removed."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_KEYS = re.compile(
    r"token|secret|password|authorization|cookie|init_?data|session_key|api_hash|qr_url", re.I
)
_SAFE_KEYS = {"token_id", "login_token_expires"}
_PATTERNS = (
    re.compile(r"\d{5,}:[A-Za-z0-9_-]{30,}"),  # bot token
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),  # JWT
    re.compile(r"(?<=token=)[A-Za-z0-9_%-]+"),
    re.compile(r"(?<=/tg/connect/)[A-Za-z0-9_-]+"),
    re.compile(r"(?<=tgWebAppData=)[^&\s\"']+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^@\s/]+(?=@)"),  # credentials in a URL
    # a printed mapping: Reflex logs the data of events whose socket is gone
    *(re.compile(rf"(?<={key}['\"]: ['\"])[^'\"]+") for key in ("secret", "password", "token", "init_data")),
)
HIDDEN = "[hidden]"


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop values of secret-looking keys and secret-looking parts of all strings."""
    return {key: HIDDEN if _is_secret(key, value) else _clean(value) for key, value in event.items()}


def _is_secret(key: str, value: Any) -> bool:
    return bool(_SECRET_KEYS.search(key)) and key not in _SAFE_KEYS and isinstance(value, (str, bytes))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        for pattern in _PATTERNS:
            value = pattern.sub(HIDDEN, value)
        return value
    if isinstance(value, dict):
        return {k: HIDDEN if _is_secret(str(k), v) else _clean(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value


def configure(level: str = "INFO", *, process: str = "") -> None:
    """Call once in a process's main. Lines go to standard output."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "telethon", "aiogram.event", "aiohttp.access", "chromadb"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    if process:
        structlog.contextvars.bind_contextvars(process=process)
