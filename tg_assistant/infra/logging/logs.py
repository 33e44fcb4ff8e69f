"""Logging by structlog, which standard library loggers are bridged to: a JSON line per event, no secrets."""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from tg_assistant.infra.logging import error_hooks
from tg_assistant.infra.sparing import Sparing

_SECRET_KEYS = re.compile(
    r"token|secret|password|authorization|cookie|init_?data|session_key|api_hash|qr_url", re.I
)
_SAFE_KEYS = {"token_id", "login_token_expires"}
_PATTERNS = (
    re.compile(r"(?<!\d)\d{5,}+:[A-Za-z0-9_-]{30,}"),  # bot token
    re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),  # JWT
    re.compile(r"(?<=token=)[A-Za-z0-9_%-]+"),
    re.compile(r"(?<=/tg/connect/)[A-Za-z0-9_-]+"),
    re.compile(r"(?<=/admin/login/)[A-Za-z0-9_-]+"),
    re.compile(r"(?<=/feeds/)[A-Za-z0-9_-]+"),
    re.compile(r"(?<=tgWebAppData=)[^&\s\"']+"),
    re.compile(r"(?<=://)[^/\s:@]+:[^@\s/]+(?=@)"),  # credentials in a URL
    # the text of a PostgreSQL error: values follow below its first line
    re.compile(r"(?:\n|\\n)(?:DETAIL|CONTEXT|QUERY|LINE \d+): [\s\S]*"),
    # a printed mapping: Reflex logs the data of events whose socket is closed
    *(re.compile(rf"(?<={key}['\"]: ['\"])[^'\"]+") for key in ("secret", "password", "token", "init_data")),
)
HIDDEN = "[hidden]"
# These log each request, some with its URL or body; httpx2 is openai's HTTP client.
_CHATTY = (
    *("httpx", "httpcore", "httpx2", "httpcore2", "openai"),
    *("telethon", "aiogram.event", "aiohttp.access", "chromadb"),
)


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace values of secret-looking keys, and secret-looking parts of all strings, by HIDDEN."""
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


# Characters that end lines, control terminals or change text direction; JSON escapes those below U+0020 only.
_NOT_SHOWN = "\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_BEYOND_JSON = re.compile(f"[{_NOT_SHOWN}]")
_UNPRINTABLE = re.compile(f"[\x00-\x1f{_NOT_SHOWN}]")


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """Render one JSON object, which is a single line to every reader, including terminals."""
    line = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)(logger, name, event)
    return _BEYOND_JSON.sub(_escape, str(line))


def _on_a_terminal(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """Render one line for a person; a traceback is indented below, so that it cannot imitate other lines."""
    trace = str(event.pop("exception", ""))
    shown = {key: _UNPRINTABLE.sub(_escape, str(value)) for key, value in event.items()}
    if "=" in shown.get("event", ""):
        shown["event"] = repr(shown["event"])  # as values with "=" are, so that it cannot imitate a key
    line = structlog.dev.ConsoleRenderer(colors=False)(logger, name, shown)
    below = [f"\n  | {_UNPRINTABLE.sub(_escape, part)}" for part in trace.split("\n") if part]
    return f"{line}{''.join(below)}"


def configure_terminal(level: int) -> None:
    """Configure logging of commands: to standard error, because standard output has their results."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.ExceptionRenderer(error_hooks.render),
            redact,
            _on_a_terminal,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def configure(level: str = "INFO", *, process: str = "") -> None:
    """Configure logging to standard output, including uncaught errors. Call once in a process's main."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.ExceptionRenderer(error_hooks.render),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            redact,
            _as_json,
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    handler.addFilter(Sparing())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for server in ("_granian", "granian.access"):  # their own handlers would bypass our redaction
        logging.getLogger(server).handlers.clear()
        logging.getLogger(server).propagate = True
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    error_hooks.log_uncaught()
    if process:
        structlog.contextvars.bind_contextvars(process=process)
